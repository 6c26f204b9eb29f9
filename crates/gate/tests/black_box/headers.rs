//! Headers that nobody but the gate may set, and those that stay on their hop.

use crate::api::{Api, reply};
use crate::client::{Client, ask};
use crate::house::{House, KEY, START, TOKEN};
use mandate_wire::identity::OURS;

#[tokio::test]
async fn r20_forged_identity_never_arrives_and_the_true_one_is_signed() {
    let api = Api::start().await;
    let house = House::before(&api).await;
    let mut forged = String::new();
    for name in OURS {
        forged
            .push_str(&format!("{name}: forged\r\n{}: forged\r\nX-Keep: {name}\r\n", name.replace('-', "_")));
    }
    forged.push_str("X-Forwarded-For: forged\r\nForwarded: for=forged\r\nX-Real-IP: forged\r\nX_Forwarded_For: forged\r\n");
    forged.push_str(
        "Connection: keep-alive, Mandate-Identity, X-Hop\r\nX-Hop: forged\r\nX-Request-ID: forged\r\n",
    );
    let answer = house.ask("GET /v2/orders?limit=1", &format!("{forged}{TOKEN}")).await;
    assert_eq!(answer.status, 200);
    let got = api.only();
    assert!(!got.headers.iter().any(|(_, v)| v.contains("forged")), "{got:?}");
    assert!(got.get("authorization").is_none());
    assert_eq!(got.headers.iter().filter(|(n, _)| n == "x-keep").count(), OURS.len());
    assert_eq!((got.get("x-forwarded-for"), got.get("x-real-ip")), (Some("127.0.0.1"), Some("127.0.0.1")));
    assert_eq!(
        (got.get("host"), got.get("x-forwarded-host")),
        (Some("sample.internal"), Some("paper-api.test"))
    );
    assert_eq!(got.get("mandate-request-id"), answer.get("x-request-id"));

    let claims = house.claims(got.get("mandate-identity").unwrap()).unwrap();
    assert_eq!((claims.sub.as_str(), claims.kind.as_str(), claims.env.as_str()), ("A1", "token", "paper"));
    assert_eq!(
        (claims.client.as_str(), claims.grant.as_str(), claims.scope.as_str()),
        ("app", "g1", "data trading")
    );
    assert_eq!((claims.aud.as_str(), claims.iss.as_str()), ("sample", "http://issuer.test"));
    assert_eq!((claims.htm.as_str(), claims.htu.as_str()), ("GET", "/v2/orders?limit=1"));
    assert_eq!((claims.iat, claims.exp), (START, START + 30));
}

#[tokio::test]
async fn r20_public_routes_carry_an_empty_identity_and_no_credential() {
    let api = Api::start().await;
    let house = House::before(&api).await;
    assert_eq!(house.ask("GET /v2/clock", &format!("{KEY}Mandate-Identity: forged\r\n")).await.status, 200);
    let got = api.only();
    assert_eq!(got.get("mandate-identity"), Some(""));
    assert!(got.get("apca-api-key-id").is_none() && got.get("apca-api-secret-key").is_none());
}

#[tokio::test]
async fn r19_cookies_of_ours_cross_in_neither_direction() {
    let api = Api::behaving(|_| {
        reply("200 OK\r\nSet-Cookie: mandate_session=stolen; Path=/\r\nSet-Cookie: __Host-mandate_x=y\r\nSet-Cookie: own=1", "{}")
    })
    .await;
    let house = House::before(&api).await;
    let cookies = "Cookie: theirs=1; mandate_session=s\r\nCookie: __Host-mandate_session=s\r\n";
    let answer = house.ask("GET /v2/account", &format!("{KEY}{cookies}")).await;
    assert_eq!(answer.get("set-cookie"), Some("own=1"));
    assert_eq!(api.only().get("cookie"), Some("theirs=1"));
}

#[tokio::test]
async fn answers_lose_what_only_the_gate_may_say() {
    let api = Api::behaving(|_| {
        reply(
            "200 OK\r\nMandate-Cause: forged\r\nX-Request-ID: forged\r\nX-RateLimit-Limit: 1\r\nConnection: X-Hop\r\nX-Hop: 1\r\nETag: e",
            "{}",
        )
    })
    .await;
    let house = House::before(&api).await;
    let answer = house.ask("GET /v2/account", KEY).await;
    assert!(!answer.headers.iter().any(|(_, v)| v == "forged"));
    assert_eq!(
        (answer.number("x-ratelimit-limit"), answer.get("x-hop"), answer.get("etag")),
        (200, None, Some("e"))
    );
}

/// The HTTP library drops the length of a message that is chunked as well, and closes the connection after it (RFC
/// 9112 section 6.1). So nothing can be smuggled: the API gets one framing, which is the one that was followed.
#[tokio::test]
async fn contradictory_framing_is_never_forwarded() {
    let api = Api::start().await;
    let house = House::before(&api).await;
    let smuggled = "0\r\n\r\nGET /v2/assets/smuggled HTTP/1.1\r\nHost: paper-api.test\r\n\r\n";
    for framing in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    ] {
        let mut client = Client::connect(house.address).await;
        client
            .send(format!("POST /v2/orders HTTP/1.1\r\nHost: paper-api.test\r\n{KEY}{framing}\r\n{smuggled}"))
            .await;
        client.answer(false).await.unwrap();
        assert!(client.answer(false).await.is_none(), "the connection ends");
    }
    assert!(api.all().iter().all(|got| got.target() == "/v2/orders" && got.get("content-length").is_none()));
    for bad in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding : chunked\r\n",
        "X: a\r\n b\r\n",
    ] {
        let answer = house.ask("POST /v2/orders", &format!("{KEY}{bad}")).await;
        assert_eq!(answer.status, 400, "{bad}");
    }
    let two = format!("GET /v2/account HTTP/1.1\r\nHost: paper-api.test\r\nHost: evil\r\n{KEY}\r\n");
    assert_eq!(ask(house.address, two).await.cause(), "request.malformed");
    assert_eq!(
        ask(house.address, format!("GET /v2/account HTTP/1.1\r\n{KEY}\r\n")).await.cause(),
        "request.malformed"
    );
    assert_eq!(api.all().len(), 2);
}

#[tokio::test]
async fn websockets_are_refused_clearly() {
    let api = Api::start().await;
    let house = House::before(&api).await;
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    let answer = house.ask("GET /v2/account", &format!("{KEY}{upgrade}")).await;
    assert_eq!((answer.status, answer.cause().as_str()), (400, "request.malformed"));
    assert!(answer.json()["message"].as_str().unwrap().contains("takes no websocket"));
    assert!(api.all().is_empty());
    let h2c = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n";
    assert_eq!(house.ask("GET /v2/account", &format!("{KEY}{h2c}")).await.status, 200);
    assert!(api.only().get("upgrade").is_none() && api.only().get("http2-settings").is_none());
}
