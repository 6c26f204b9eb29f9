use super::*;
use crate::stream::samples::decision;
use crate::stream::{After, Before, Conversation, Opening, Stage};
use http::HeaderMap;
use serde_json::json;

fn talk(word: &str) -> Box<dyn Conversation> {
    let protocol = ALL.iter().find(|p| p.word() == word).unwrap();
    protocol.begin(Opening { headers: &HeaderMap::new() })
}
fn shown(said: &[Message]) -> Value {
    match said {
        [Message::Text(text)] => serde_json::from_str(text).unwrap(),
        other => panic!("{other:?}"),
    }
}
const LOGIN: &str = r#"{"ID":2,"Domain":"Login","Key":{"NameType":"AuthnToken","Elements":{"AuthenticationToken":"AT","ApplicationId":"256","Position":"127.0.0.1/host"}}}"#;

#[test]
fn a_login_opens_the_stream_and_another_one_renews_it() {
    let mut talk = talk("tr_json2");
    let Before::Login(Presented::Bearer(token)) = talk.before(Frame::Text(LOGIN)) else { panic!("a login") };
    assert_eq!(token.expose(), "AT");
    let refresh = shown(&talk.admitted(false));
    assert_eq!(
        (&refresh[0]["ID"], &refresh[0]["Type"], &refresh[0]["Domain"]),
        (&json!(2), &json!("Refresh"), &json!("Login"))
    );
    assert_eq!(
        (&refresh[0]["State"]["Stream"], &refresh[0]["State"]["Data"]),
        (&json!("Open"), &json!("Ok"))
    );
    assert_eq!(refresh.as_array().map(Vec::len), Some(1), "clients take one message for the login's answer");
    let quiet = LOGIN.replace("\"ID\":2", "\"ID\":2,\"Refresh\":false");
    assert!(matches!(talk.after(Frame::Text(&quiet)), After::Login(Presented::Bearer(_))));
    assert_eq!(talk.admitted(true), []);
}

#[test]
fn r24_before_the_login_only_pings_pass_and_after_it_logins_stay_here() {
    let before = |text: &str| talk("tr_json2").before(Frame::Text(text));
    assert!(
        matches!(before(r#"{"Type":"Ping"}"#), Before::Answer(said) if shown(&said) == json!({"Type": "Pong"}))
    );
    let item = r#"{"ID":5,"Key":{"Name":"TRI.N"}}"#;
    let batch = format!("[{LOGIN},{item}]");
    for (text, expected) in [
        (item, Cause::StreamNotLoggedIn),
        (&batch, Cause::StreamNotLoggedIn),
        (r#"{"Domain":"Login","ID":1,"Type":"Close"}"#, Cause::StreamNotLoggedIn),
        (r#"{"Domain":"Login","ID":1}"#, Cause::CredentialMissing),
        ("[]", Cause::RequestMalformed),
        ("[1]", Cause::RequestMalformed),
        (r#"{"Domain":"Login","Domain":"MarketPrice"}"#, Cause::RequestMalformed),
    ] {
        match before(text) {
            Before::Refuse(refusal) => assert_eq!(refusal.cause, expected, "{text}"),
            other => panic!("{text} {other:?}"),
        }
    }
    let after = |text: &str| talk("tr_json2").after(Frame::Text(text));
    assert!(matches!(after(&batch), After::Refuse(_)), "a login never goes on with others");
    assert!(matches!(after(r#"{"Domain":"Login","ID":1,"Type":"Close"}"#), After::Leave));
    assert!(matches!(after(r#"{"ID":5,"Type":"Close"}"#), After::Forward));
    let both = r#"[{"ID":5,"Key":{"Name":"TRI.N","Service":"A"}},{"ID":6,"Key":{"Name":"X"}}]"#;
    assert!(matches!(after(both), After::Subscribe(of) if of == [Box::from("A"), Box::from("")]));
}

#[test]
fn signs_of_life_are_the_apis_to_answer_if_it_is_there() {
    let after = |text: &str| talk("tr_json2").after(Frame::Text(text));
    for asks in [r#"{"Type":"Ping"}"#, r#"[{"Type":"Pong"},{"Type":"Ping"}]"#] {
        match after(asks) {
            After::Sign(said) => assert_eq!(shown(&said), json!({"Type": "Pong"})),
            other => panic!("{asks} {other:?}"),
        }
    }
    assert!(matches!(after(r#"{"Type":"Pong"}"#), After::Sign(said) if said.is_empty()));
    let with_another = r#"[{"Type":"Ping"},{"ID":5,"Type":"Close"}]"#;
    assert!(matches!(after(with_another), After::Forward), "what is for the API goes there whole");
}

#[test]
fn d4_refusals_close_the_login_with_a_text() {
    for cause in Cause::all() {
        let decision = decision(cause);
        let said = shown(&talk("tr_json2").refused(Stage::Login, &decision, "https://i.test"));
        assert_eq!(said[0]["State"]["Stream"], "Closed");
        assert!(said[0]["State"]["Text"].as_str().unwrap().starts_with("Login Rejected. "), "{said}");
        assert_eq!(
            (&said[0]["cause"], &said[0]["decision_id"]),
            (&json!(cause.id()), &json!(decision.id.as_str()))
        );
        let ack = shown(&talk("rdp_streaming").refused(Stage::Login, &decision, "https://i.test"));
        assert_eq!((&ack["state"]["status"], &ack["cause"]), (&json!("Closed"), &json!(cause.id())));
    }
}

#[test]
fn rdp_streaming_logs_in_by_method() {
    let mut talk = talk("rdp_streaming");
    let login = r#"{"method":"Auth","streamID":"2","token":"AT"}"#;
    assert!(matches!(talk.before(Frame::Text(login)), Before::Login(Presented::Bearer(_))));
    let ack = shown(&talk.admitted(false));
    assert_eq!(
        (&ack["type"], &ack["streamID"], &ack["state"]["status"]),
        (&json!("Ack"), &json!("2"), &json!("OK"))
    );
    assert!(matches!(talk.after(Frame::Text(login)), After::Login(_)));
    assert!(matches!(talk.after(Frame::Text(r#"{"streamID":"3","universe":[]}"#)), After::Subscribe(_)));
    assert!(matches!(talk.before(Frame::Text(r#"{"streamID":"3"}"#)), Before::Refuse(_)));
}
