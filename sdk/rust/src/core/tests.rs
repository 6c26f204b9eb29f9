//! The rules, without clocks and sockets.

use super::answer::{Meaning, meaning, seconds};
use super::backoff;
use super::skew;
use super::windows::{LONGEST, Windows, windows};
use crate::seams::{BoxFuture, Transport, TransportError};
use http::{Request, Response};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

/// A transport that nobody may use.
pub(crate) struct Never;

impl Transport for Never {
    fn send(&self, _: Request<Vec<u8>>) -> BoxFuture<'_, Result<Response<Vec<u8>>, TransportError>> {
        Box::pin(async { Err(TransportError::NotSent("never".to_owned())) })
    }
}

/// Lifetime, `refresh_in`, `u`; then seconds from sending to `renew_at`, `usable_until` and the end.
#[expect(clippy::cast_possible_truncation, reason = "seconds of a table")]
#[test]
fn windows_by_the_table() {
    for (life, advice, u, renew, usable, end) in [
        (600, None, 0.0, 540.0, 595.0, 600.0),
        (600, None, 0.99, 480.6, 595.0, 600.0),
        (12, None, 0.0, 10.8, 11.4, 12.0),
        (86_400, None, 0.0, 86_250.0, 86_395.0, 86_400.0),
        (86_400, None, 0.5, 86_175.0, 86_395.0, 86_400.0),
        (600, Some(100), 0.0, 100.0, 595.0, 600.0),
        (600, Some(100), 0.5, 115.0, 595.0, 600.0),
        (600, Some(700), 0.0, 540.0, 595.0, 600.0),
        (600, Some(600), 0.0, 540.0, 595.0, 600.0),
        (600, Some(0), 0.0, 540.0, 595.0, 600.0),
        (600, Some(599), 0.0, 595.0, 595.0, 600.0),
        (1, None, 0.0, 0.9, 0.95, 1.0),
    ] {
        let at = |s: f64| Some(1_000_000 + (s * 1_000.0).round() as i64);
        let is = windows(1_000_000, Some(life), advice, u, true);
        let close = |a: Option<i64>, b: Option<i64>| a.zip(b).is_some_and(|(a, b)| (a - b).abs() <= 1);
        assert!(close(is.renew_at, at(renew)), "{life} {advice:?} {u}: {is:?}");
        assert!(close(is.usable_until, at(usable)) && is.ends_at == at(end), "{life} {advice:?} {u}: {is:?}");
    }
    let lone = windows(0, Some(600), None, 0.5, false);
    assert_eq!(
        lone,
        Windows { ends_at: Some(600_000), renew_at: Some(600_000), usable_until: Some(600_000) }
    );
    assert_eq!(windows(0, None, Some(100), 0.5, true), Windows::default());
    assert_eq!(windows(0, Some(u64::MAX), None, 0.0, true).ends_at, Some(LONGEST.cast_signed() * 1_000));
}

proptest! {
    /// Whatever the issuer says: renewed before it is unusable, unusable before it ends, and never before it was sent.
    #[test]
    fn windows_are_in_order(
        sent in -1_000_000_000_000_i64..4_000_000_000_000,
        life in proptest::option::of(0_u64..=u64::MAX),
        advice in proptest::option::of(0_u64..=u64::MAX),
        u in 0.0_f64..1.0,
        renewable: bool,
    ) {
        let is = windows(sent, life, advice, u, renewable);
        if let (Some(renew), Some(usable), Some(end)) = (is.renew_at, is.usable_until, is.ends_at) {
            prop_assert!(sent < renew && renew <= usable && usable <= end);
            // Nobody gives up more than a twentieth, or five seconds.
            prop_assert!(end - usable <= 5_000 && end - usable <= (end - sent) / 20 + 1);
        } else {
            prop_assert!(life.is_none_or(|l| l == 0));
        }
    }

    #[test]
    fn a_wait_is_bounded_and_obeys(n in 0_u32..100, asked in proptest::option::of(0_i64..100_000_000), u in 0.0_f64..1.0) {
        let wait = backoff::wait(n, asked, u);
        prop_assert!((250..=3_600_000).contains(&wait));
        prop_assert!(wait >= asked.unwrap_or(0).min(3_600_000));
        if asked.is_none() {
            prop_assert!(wait <= 30_000);
        }
    }

    /// No answer makes the reader panic.
    #[test]
    fn any_answer_has_a_meaning(status in 100_u16..600, body: Vec<u8>, after in "[ -~]{0,20}") {
        let response = Response::builder().status(status).header("retry-after", after).body(body).unwrap();
        let _some = meaning(&Ok(response), 0);
    }
}

#[test]
fn lifetimes_as_issuers_write_them() {
    let read = |value: Json| seconds(Some(&value));
    assert_eq!(read(json!(600)), Some(600));
    assert_eq!(read(json!("600")), Some(600));
    assert_eq!(read(json!(600.9)), Some(600));
    assert_eq!(read(json!("600.9")), Some(600));
    assert_eq!(read(json!(1e300)), Some(LONGEST));
    for nothing in
        [json!("soon"), json!(0), json!(-5), json!("-5"), json!(""), json!(null), json!([600]), json!(0.5)]
    {
        assert_eq!(read(nothing.clone()), None, "{nothing}");
    }
}

fn answered(status: u16, body: &str) -> Meaning {
    meaning(&Ok(Response::builder().status(status).body(body.as_bytes().to_vec()).unwrap()), 0)
}

#[test]
fn what_answers_mean() {
    assert!(matches!(answered(200, r#"{"access_token": "t"}"#), Meaning::Granted(_)));
    for lost in ["", "{}", r#"{"access_token": ""}"#, r#"{"access_token": 7}"#, r#"{"access_token": "ha"#] {
        assert!(matches!(answered(200, lost), Meaning::Passing { lost: true, garbage: true, .. }), "{lost}");
    }
    for passing in [408, 425, 429, 500, 502, 503, 599] {
        assert!(matches!(answered(passing, ""), Meaning::Passing { lost: false, .. }), "{passing}");
    }
    for word in ["temporarily_unavailable", "server_error"] {
        let body = json!({ "error": word }).to_string();
        assert!(matches!(answered(400, &body), Meaning::Passing { .. }));
        assert!(matches!(answered(302, &body), Meaning::Refused(_)));
    }
    assert!(matches!(answered(400, r#"{"error": "use_dpop_nonce"}"#), Meaning::Refused(_)), "no nonce came");
    for last in [301, 400, 401, 403, 404, 418] {
        assert!(matches!(answered(last, ""), Meaning::Refused(_)), "{last}");
    }
}

#[test]
fn retry_after_by_the_issuers_clock() {
    let asked = |text: &str, now: i64| {
        let response = Response::builder().status(503).header("retry-after", text).body(Vec::new()).unwrap();
        match meaning(&Ok(response), now) {
            Meaning::Passing { asked, .. } => asked,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(asked("7", 0), Some(7_000));
    assert_eq!(asked("Thu, 01 Jan 1970 00:01:00 GMT", 45_000), Some(15_000));
    assert_eq!(asked("Thu, 01 Jan 1970 00:01:00 GMT", 99_000), Some(0));
    assert_eq!(asked("later", 0), None);
}

#[test]
fn a_slow_answer_tells_no_time() {
    assert_eq!(skew::measured(300_000, 0, 1_000), Some(300_000));
    assert_eq!(skew::measured(300_000, 0, 2_001), None);
    assert_eq!(skew::measured(300_000, 5_000, 0), None, "the clock went back meanwhile");
    assert!(!skew::replaces(1_500, 0) && skew::replaces(-2_500, 0));
    assert!(!skew::explains(30_000, 0) && skew::explains(-31_000, 0));
}
