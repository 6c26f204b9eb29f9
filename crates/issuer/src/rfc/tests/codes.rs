//! `/authorize` and the codes that come of it (RFC 6749 section 4.1, RFC 7636, RFC 9207).

use super::{Bank, CALLBACK, CHALLENGE, ISSUER, VERIFIER, app};
use mandate_core::settings::AuthMethod;

#[tokio::test]
async fn rfc6749_4_1_2_the_answer_has_the_state() {
    let reply = Bank::new().await.authorize(&[]).await;
    assert!(reply.header("location").starts_with(&format!("{CALLBACK}?")), "{reply:?}");
    assert_eq!(reply.parameter("state").as_deref(), Some("s&1"));
}

#[tokio::test]
async fn rfc6749_4_1_2_1_a_refusal_has_the_state() {
    let bank = Bank::new().await;
    let reply = bank.authorize(&[("scope", "quotes")]).await;
    assert_eq!(reply.parameter("error").as_deref(), Some("invalid_scope"), "{reply:?}");
    assert_eq!(reply.parameter("state").as_deref(), Some("s&1"));
}

#[tokio::test]
async fn rfc6749_4_1_2_1_a_refusal_has_plain_words() {
    let bank = Bank::new().await;
    let reply = bank.authorize(&[("response_type", "\u{e4}\"\\")]).await;
    let words = reply.parameter("error_description").unwrap();
    assert!(words.bytes().all(|b| matches!(b, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e)), "{words}");
}

#[tokio::test]
async fn rfc9207_2_answers_name_the_issuer() {
    let bank = Bank::new().await;
    assert_eq!(bank.authorize(&[]).await.parameter("iss").as_deref(), Some(ISSUER));
}

#[tokio::test]
async fn rfc9207_2_refusals_name_the_issuer() {
    let bank = Bank::new().await;
    let refused = bank.authorize(&[("scope", "quotes")]).await;
    assert_eq!(refused.parameter("iss").as_deref(), Some(ISSUER), "{refused:?}");
}

#[tokio::test]
async fn rfc6749_4_1_2_1_nothing_is_sent_to_addresses_that_are_not_registered() {
    let bank = Bank::new().await;
    for changes in [
        [("redirect_uri", "https://evil.example/cb")],
        [("redirect_uri", "https://app.example/cb#f")],
        [("client_id", "nobody")],
    ] {
        let reply = bank.authorize(&changes).await;
        assert_eq!((reply.status / 100, reply.header("location")), (4, ""), "{changes:?}");
    }
}

#[tokio::test]
async fn rfc6749_3_1_1_only_codes() {
    let bank = Bank::new().await;
    for (kind, error) in [("", "invalid_request"), ("token", "unsupported_response_type")] {
        let reply = bank.authorize(&[("response_type", kind)]).await;
        assert_eq!(reply.parameter("error").as_deref(), Some(error), "{kind}");
    }
}

#[tokio::test]
async fn rfc6749_4_1_2_a_code_is_good_once() {
    let bank = Bank::new().await;
    let code = bank.code(&[]).await;
    assert_eq!(bank.redeem("web", &code, &[]).await.said(), "200");
    let again = bank.redeem("web", &code, &[]).await;
    assert_eq!(again.said(), "400 invalid_grant", "{again:?}");
}

#[tokio::test]
async fn rfc6749_4_1_2_a_replay_ends_what_the_code_gave() {
    let bank = Bank::new().await;
    let code = bank.code(&[]).await;
    let tokens = bank.redeem("web", &code, &[]).await;
    bank.redeem("web", &code, &[]).await;
    let refused = bank.refresh("web", &tokens.text("refresh_token"), &[]).await;
    assert_eq!(refused.said(), "400 invalid_grant", "{refused:?}");
}

#[tokio::test]
async fn rfc6749_4_1_3_a_code_for_another_is_refused_and_not_spent() {
    let bank = Bank::new().await;
    bank.register(app("other")).await;
    let code = bank.code(&[]).await;
    assert_eq!(bank.redeem("other", &code, &[]).await.said(), "400 invalid_grant");
    for wrong in [
        [("redirect_uri", "https://app.example/other")],
        [("redirect_uri", "")],
        [("code_verifier", CHALLENGE)],
        [("code_verifier", "")],
    ] {
        assert_eq!(bank.redeem("web", &code, &wrong).await.said(), "400 invalid_grant", "{wrong:?}");
    }
    assert_eq!(bank.redeem("web", &code, &[]).await.said(), "200", "nothing was spent");
}

#[tokio::test]
async fn rfc7636_4_4_the_challenge_is_kept_with_the_code() {
    let bank = Bank::new().await;
    let code = bank.code(&[]).await;
    let without = bank.redeem("web", &code, &[("code_verifier", "")]).await;
    assert_eq!((without.said().as_str(), without.cause()), ("400 invalid_grant", "pkce.verifier_missing"));
    assert_eq!(bank.redeem("web", &code, &[("code_verifier", VERIFIER)]).await.said(), "200");
}

#[tokio::test]
async fn rfc7636_4_4_1_challenges_are_demanded() {
    let bank = Bank::new().await;
    bank.app("public", |settings| settings.auth_method = AuthMethod::None).await;
    for client in ["web", "public"] {
        for changes in [
            vec![("code_challenge", ""), ("code_challenge_method", "")],
            vec![("code_challenge", "")],
            vec![("code_challenge_method", "")],
            vec![("code_challenge_method", "plain")],
            vec![("code_challenge", "short")],
        ] {
            let reply = bank.authorize(&[changes.clone(), vec![("client_id", client)]].concat()).await;
            assert_eq!(reply.parameter("error").as_deref(), Some("invalid_request"), "{changes:?}");
        }
    }
}

#[tokio::test]
async fn rfc6749_10_13_pages_are_in_no_frame() {
    let bank = Bank::new().await;
    let page = bank.get("/device").await;
    assert_eq!((page.status, page.header("x-frame-options")), (200, "DENY"));
}

#[tokio::test]
async fn rfc9700_4_16_pages_say_who_may_frame_them() {
    let bank = Bank::new().await;
    let page = bank.get("/device").await;
    assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"), "{page:?}");
}

#[tokio::test]
async fn rfc9700_4_2_4_the_answer_suppresses_the_referrer() {
    let bank = Bank::new().await;
    let reply = bank.authorize(&[]).await;
    assert_eq!((reply.status, reply.header("referrer-policy")), (302, "no-referrer"));
}

#[tokio::test]
async fn rfc9700_4_12_steps_are_303() {
    let bank = Bank::new().await;
    let reply = bank.get(&super::bank::request(&[])).await;
    assert_eq!((reply.status, reply.header("location").starts_with("/consent?")), (303, true), "{reply:?}");
}
