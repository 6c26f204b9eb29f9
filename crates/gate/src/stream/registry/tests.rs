use super::*;
use mandate_core::log::{Effect, Subject};
use mandate_core::model::{Account, ApiKey, KeyFacts, Status};
use mandate_core::{AccountId, Digest, KeyId, Offset};

const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

fn key(id: &str, account: &str) -> Principal {
    let account = Account {
        platform: "p".into(),
        id: account.into(),
        environment: "paper".into(),
        owner: None,
        partner: None,
        status: Status::Active,
        status_since: NOW,
        plan: None,
        licences: Vec::new(),
        created_at: NOW,
        resets: 0,
        kill: Offset(0),
    };
    let key = ApiKey {
        platform: "p".into(),
        id: KeyId::new(id),
        holder: KeyHolder::Account(account.id.clone()),
        environment: None,
        digest: Digest::of(b"s"),
        label: "".into(),
        created_at: NOW,
        offset: Offset(0),
        ended: None,
        last_used: None,
    };
    Principal::Key(Arc::new(KeyFacts { key, account: Some(Arc::new(account)) }))
}
fn entry(platform: &str, kind: SubjectKind, id: &str) -> LogEntry {
    let subject = Subject { platform: platform.into(), kind, id: id.into() };
    LogEntry { offset: Offset(1), subject, effect: Effect::Kill, reason: None, at: NOW }
}
fn entered(streams: &Arc<Streams>, id: &str, account: &str) -> Ticket {
    let ticket = streams.enter(&"p".into(), &key(id, account));
    assert_eq!(ticket.ear.take(), Some(News::Again), "decided on once more, right after it was entered");
    ticket
}

#[test]
fn r24_an_entry_is_told_to_the_streams_that_it_is_about_and_to_no_other() {
    let streams = Arc::new(Streams::default());
    let (one, other) = (entered(&streams, "PK1", "A1"), entered(&streams, "PK2", "A2"));
    for (kind, id) in [(SubjectKind::Key, "PK1"), (SubjectKind::Account, "A1")] {
        streams.hear(&[entry("p", kind, id)]);
        assert_eq!((one.ear.take(), other.ear.take()), (Some(News::Again), None), "{id}");
        streams.hear(&[entry("q", kind, id)]);
        assert_eq!((one.ear.take(), other.ear.take()), (None, None), "another platform's");
    }
    streams.hear(&[entry("p", SubjectKind::Platform, "p")]);
    assert_eq!((one.ear.take(), other.ear.take()), (Some(News::Again), Some(News::Again)));
    drop(one);
    assert_eq!(streams.len(), 1);
    streams.hear(&[entry("p", SubjectKind::Key, "PK1")]);
    assert_eq!(other.ear.take(), None);
}

#[test]
fn r24_another_login_moves_the_stream_to_what_it_hangs_from_now() {
    let streams = Arc::new(Streams::default());
    let ticket = entered(&streams, "PK1", "A1");
    ticket.renew(&"p".into(), &key("PK9", "A1"));
    streams.hear(&[entry("p", SubjectKind::Key, "PK1")]);
    assert_eq!(ticket.ear.take(), None);
    streams.hear(&[entry("p", SubjectKind::Key, "PK9")]);
    assert_eq!(ticket.ear.take(), Some(News::Again));
}

#[test]
fn an_account_has_so_many_places_on_a_path_and_gets_them_back() {
    let streams = Arc::new(Streams::default());
    let who = MeterKey::Account(AccountId::new("A1"));
    let mut one = entered(&streams, "PK1", "A1");
    let mut two = entered(&streams, "PK1", "A1");
    assert!(one.sit(&"p".into(), &who, "/v2/iex", 1).is_ok());
    assert!(two.sit(&"p".into(), &who, "/v2/iex", 1).is_err());
    assert!(two.sit(&"p".into(), &who, "/v2/sip", 1).is_ok());
    drop(one);
    assert!(entered(&streams, "PK1", "A1").sit(&"p".into(), &who, "/v2/iex", 1).is_ok());
}

#[test]
fn r24_those_who_have_not_signed_in_are_counted_by_address_and_in_all() {
    let streams = Arc::new(Streams::default());
    let from = |text: &str| Source::from(text.parse::<std::net::IpAddr>().unwrap());
    let one = streams.wait(from("192.0.2.1"), 1, 2);
    assert!(one.is_some() && streams.wait(from("192.0.2.1"), 1, 2).is_none());
    let _two = streams.wait(from("192.0.2.2"), 1, 2);
    assert!(streams.wait(from("192.0.2.3"), 1, 2).is_none(), "too many in all");
    drop(one);
    assert!(streams.wait(from("192.0.2.1"), 1, 2).is_some());
}

#[test]
fn a_stop_is_graver_than_other_news_and_meets_those_that_come_later() {
    let streams = Arc::new(Streams::default());
    let one = entered(&streams, "PK1", "A1");
    one.ear.tell(News::LeaseLost);
    streams.stop();
    assert_eq!(one.ear.take(), Some(News::Stop));
    assert_eq!(streams.enter(&"p".into(), &key("PK2", "A2")).ear.take(), Some(News::Stop));
}
