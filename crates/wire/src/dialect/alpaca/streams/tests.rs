use super::*;
use crate::stream::samples::decision;
use crate::stream::{After, Before, Conversation, Message, Opening, Stage};
use http::HeaderMap;
use serde_json::json;

fn talk(word: &str, content_type: Option<&'static str>) -> Box<dyn Conversation> {
    let mut headers = HeaderMap::new();
    if let Some(value) = content_type {
        headers.insert("content-type", http::HeaderValue::from_static(value));
    }
    let protocol = ALL.iter().find(|p| p.word() == word).unwrap();
    protocol.begin(Opening { headers: &headers })
}
fn packed(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    crate::msgpack::write(&mut out, value);
    out
}
fn shown(message: &Message) -> Value {
    match message {
        Message::Text(text) => serde_json::from_str(text).unwrap(),
        Message::Binary(bytes) => crate::msgpack::read(bytes).unwrap(),
    }
}
fn cause(before: Before) -> Cause {
    match before {
        Before::Refuse(refusal) => refusal.cause,
        other => panic!("{other:?}"),
    }
}

#[test]
fn logins_of_the_vendors_documents_are_read() {
    let key = json!({"action": "authenticate", "data": {"key_id": "K", "secret_key": "S"}});
    let short = json!({"action": "auth", "key": "K", "secret": "S"});
    let token = json!({"action": "authenticate", "data": {"oauth_token": "T"}});
    let bare = json!({"action": "auth", "oauth_token": "T"});
    for word in ["trade", "data"] {
        for (login, is_key) in [(&key, true), (&short, true), (&token, false), (&bare, false)] {
            let text = login.to_string();
            for frame in [Frame::Text(&text), Frame::Binary(text.as_bytes())] {
                match (talk(word, None).before(frame), is_key) {
                    (Before::Login(Presented::Key { id, secret }), true) => {
                        assert_eq!((&*id, secret.expose()), ("K", "S"));
                    }
                    (Before::Login(Presented::Bearer(secret)), false) => assert_eq!(secret.expose(), "T"),
                    (other, _) => panic!("{word} {login} {other:?}"),
                }
            }
        }
    }
    let bytes = packed(&short);
    let before = talk("data", Some("application/msgpack; charset=utf-8")).before(Frame::Binary(&bytes));
    assert!(matches!(before, Before::Login(Presented::Key { .. })));
}

#[test]
fn r24_nothing_but_one_login_comes_first() {
    let both = r#"{"action":"authenticate","data":{"key_id":"K","secret_key":"S","oauth_token":"T"}}"#;
    let twice = r#"{"action":"auth","key":"K","secret":"S","data":{"key_id":"K","secret_key":"S"}}"#;
    for (text, expected) in [
        (r#"{"action":"listen","data":{"streams":["trade_updates"]}}"#, Cause::StreamNotLoggedIn),
        (r#"{"action":"subscribe","trades":["AAPL"]}"#, Cause::StreamNotLoggedIn),
        ("{}", Cause::StreamNotLoggedIn),
        ("[]", Cause::RequestMalformed),
        ("hello", Cause::RequestMalformed),
        (r#"{"action":"listen","action":"auth"}"#, Cause::RequestMalformed),
        (r#"{"action":"auth"}"#, Cause::CredentialMissing),
        (r#"{"action":"auth","key":"K"}"#, Cause::CredentialMalformed),
        (r#"{"action":"auth","key":"K","secret":7}"#, Cause::CredentialMalformed),
        (r#"{"action":"auth","key":" K","secret":"S"}"#, Cause::CredentialMalformed),
        (r#"{"action":"auth","oauth_token":"undefined"}"#, Cause::CredentialMalformed),
        (r#"{"action":"auth","oauth_token":["T"]}"#, Cause::CredentialMalformed),
        (both, Cause::CredentialAmbiguous),
        (twice, Cause::CredentialAmbiguous),
    ] {
        for word in ["trade", "data"] {
            assert_eq!(cause(talk(word, None).before(Frame::Text(text))), expected, "{word} {text}");
        }
    }
}

#[test]
fn r24_logins_and_unknown_messages_never_reach_the_api() {
    let after = |word: &str, text: &str| talk(word, None).after(Frame::Text(text));
    let refused = |word: &str, text: &str| match after(word, text) {
        After::Refuse(refusal) => refusal.cause,
        other => panic!("{word} {text} {other:?}"),
    };
    for word in ["trade", "data"] {
        for login in [r#"{"action":"auth","key":"K","secret":"S"}"#, r#"{"action":"authenticate"}"#] {
            assert_eq!(refused(word, login), Cause::StreamLoggedIn);
        }
        for text in ["", "[]", "{}", r#"{"action":"other"}"#, r#"{"action":"subscribe","action":"auth"}"#] {
            assert_eq!(refused(word, text), Cause::RequestMalformed, "{text}");
        }
    }
    assert_eq!(refused("trade", r#"{"action":"listen","data":{"streams":"all"}}"#), Cause::RequestMalformed);
    let channels = |word: &str, text: &str| match after(word, text) {
        After::Subscribe(names) => names.iter().map(ToString::to_string).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        channels("trade", r#"{"action":"listen","data":{"streams":["trade_updates"]}}"#),
        ["trade_updates"]
    );
    assert_eq!(channels("data", r#"{"action":"subscribe","trades":["A"],"bars":["*"]}"#), ["bars", "trades"]);
    assert!(matches!(after("data", r#"{"action":"unsubscribe","trades":["A"]}"#), After::Forward));
}

#[test]
fn d4_refusals_carry_the_vendors_code_and_text_and_our_fields() {
    for (cause, code, words) in [
        (Cause::RequestMalformed, 400, "invalid syntax"),
        (Cause::StreamNotLoggedIn, 401, "not authenticated"),
        (Cause::CredentialRejected, 402, "auth failed"),
        (Cause::TokenExpired, 402, "auth failed"),
        (Cause::CredentialRevoked, 402, "auth failed"),
        (Cause::AttemptsThrottled, 402, "auth failed"),
        (Cause::StreamLoggedIn, 403, "already authenticated"),
        (Cause::StreamLoginTimeout, 404, "auth timeout"),
        (Cause::StreamLimit, 406, "connection limit exceeded"),
        (Cause::StreamSlowClient, 407, "slow client"),
        (Cause::LicenceDelegated, 409, "insufficient subscription"),
        (Cause::ScopeMissing, 411, "insufficient scope"),
        (Cause::ServerStopping, 500, "internal error"),
    ] {
        let decision = decision(cause);
        for content_type in [None, Some("application/msgpack")] {
            let said = talk("data", content_type).refused(Stage::Login, &decision, "https://i.test/");
            assert_eq!(matches!(said[..], [Message::Binary(_)]), content_type.is_some());
            let frame = &shown(&said[0])[0];
            assert_eq!(
                (&frame["T"], &frame["code"], &frame["msg"]),
                (&json!("error"), &json!(code), &json!(words))
            );
            assert_eq!(
                (&frame["cause"], &frame["decision_id"]),
                (&json!(cause.id()), &json!(decision.id.as_str()))
            );
            assert_eq!(frame["error_uri"], format!("https://i.test/explain/{}", decision.id));
        }
        let said = talk("trade", None).refused(Stage::Login, &decision, "https://i.test");
        let frame = shown(&said[0]);
        assert_eq!(frame["data"]["status"], "unauthorized");
        assert_eq!(
            (&frame["stream"], &frame["data"]["cause"]),
            (&json!("authorization"), &json!(cause.id()))
        );
    }
}

#[test]
fn what_is_said_around_a_login_is_what_clients_wait_for() {
    let mut data = talk("data", None);
    assert_eq!(shown(&data.greeting()[0]), json!([{"T": "success", "msg": "connected"}]));
    assert_eq!(shown(&data.admitted(false)[0]), json!([{"T": "success", "msg": "authenticated"}]));
    let mut trade = talk("trade", None);
    assert_eq!(trade.greeting(), []);
    let login = br#"{"action":"authenticate","data":{"oauth_token":"T"}}"#;
    let _ = trade.before(Frame::Binary(login));
    let Message::Binary(said) = &trade.admitted(false)[0] else {
        panic!("the kind of frame that the client used")
    };
    assert_eq!(
        serde_json::from_slice::<Value>(said).unwrap(),
        json!({"stream": "authorization", "data": {"status": "authorized", "action": "authenticate"}})
    );
}
