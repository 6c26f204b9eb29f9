//! What a node remembers is never older than what was answered (SECURITY R10-R12).

use super::Fixture;
use super::samples::{Scene, at};
use crate::{Cached, Feed, LEASE};
use mandate_core::model::{Credential, EndReason, Killed, Status};
use mandate_core::{Clock, Digest, LogEntry, Offset, Subject, SubjectKind, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A clock that stands still until it is moved.
#[derive(Debug, Default)]
struct Still(AtomicU64);

impl Clock for Still {
    fn now(&self) -> Timestamp {
        at(100)
    }
    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Acquire))
    }
}

fn memory(fixture: &Fixture, alone: bool) -> (Arc<Cached>, Arc<Still>) {
    let clock = Arc::new(Still(AtomicU64::new(1_000)));
    (Cached::new(fixture.store.clone(), fixture.feed.clone(), clock.clone(), alone), clock)
}

/// R11: a key, its account, a client and a grant are forgotten after the commit and before the answer.
pub(super) async fn r11_forgets_before_the_answer(fixture: &Fixture) {
    let scene = Scene::furnished(fixture).await;
    scene.key("K1", "a1").await;
    scene.store().issue_token(&scene.sample_issue("t1", None)).await.expect("issue");
    let (memory, _) = memory(fixture, true);
    let (platform, token) = (&scene.platform, Digest::of(b"t1"));
    let learn = async || {
        assert!(memory.credential(platform, "K1").await.expect("credential").is_some());
        assert!(memory.token(platform, &token).await.expect("token").is_some());
        assert!(memory.peek_credential(platform, "K1").is_some());
        assert!(memory.peek_token(platform, &token).is_some());
    };

    learn().await;
    let audit = scene.audit("client.disable", "app", at(30));
    let change = crate::ClientChange { status: Some(Status::Disabled), ..Default::default() };
    scene.store().change_client(platform, &"app".into(), &change, &audit).await.expect("change");
    assert!(memory.peek_token(platform, &token).is_none(), "its client was disabled");
    assert!(memory.peek_credential(platform, "K1").is_some(), "the key has nothing to do with it");

    learn().await;
    let audit = scene.audit("account.disable", "a1", at(31));
    scene.store().set_account_status(platform, &"a1".into(), Status::Disabled, &audit).await.expect("status");
    assert!(
        memory.peek_token(platform, &token).is_none() && memory.peek_credential(platform, "K1").is_none()
    );

    learn().await;
    let audit = scene.audit("key.revoke", "K1", at(32));
    scene.store().revoke_key(platform, &"K1".into(), EndReason::Owner, &audit).await.expect("revoke");
    assert!(memory.peek_credential(platform, "K1").is_none());
    match memory.credential(platform, "K1").await.expect("credential") {
        Some(Credential::Key(facts)) => assert!(facts.key.ended.is_some()),
        other => panic!("{other:?}"),
    }
}

/// R11: an entry that comes while a look-up is under way counts against its answer, in whatever order they arrive.
pub(super) async fn r11_late_entries_count(fixture: &Fixture) {
    let scene = Scene::furnished(fixture).await;
    scene.key("K1", "a1").await;
    let (memory, _) = memory(fixture, true);
    memory.credential(&scene.platform, "K1").await.expect("credential");
    let head = scene.store().head().await.expect("head").0;
    let entry = |offset, id: &str| LogEntry {
        offset: Offset(offset),
        subject: Subject { platform: scene.platform.clone(), kind: SubjectKind::Key, id: id.into() },
        effect: mandate_core::log::Effect::Kill,
        reason: None,
        at: at(40),
    };
    // Another node's entries: the newer one is heard first.
    fixture.feed.tell(&[entry(head + 2, "other")]);
    assert!(memory.peek_credential(&scene.platform, "K1").is_some());
    fixture.feed.tell(&[entry(head + 1, "K1")]);
    assert!(memory.peek_credential(&scene.platform, "K1").is_none());
}

/// R12: without word from the log for longer than the lease, nothing that is remembered is used.
pub(super) async fn r12_trusts_nothing_after_its_lease(fixture: &Fixture) {
    let scene = Scene::furnished(fixture).await;
    scene.key("K1", "a1").await;
    let (memory, clock) = memory(fixture, false);
    memory.credential(&scene.platform, "K1").await.expect("credential");
    assert!(memory.peek_credential(&scene.platform, "K1").is_none(), "no lease before the log was read");
    let following = tokio::spawn({
        let memory = memory.clone();
        async move { memory.follow().await }
    });
    for _ in 0..500 {
        if memory.peek_credential(&scene.platform, "K1").is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(memory.peek_credential(&scene.platform, "K1").is_some(), "leased");
    following.abort();
    let _aborted = following.await;
    let lease = u64::try_from(LEASE.as_millis()).expect("small");
    memory.load_kills(at(0)).await.expect("load");
    assert!(memory.kills_are_current());
    clock.0.fetch_add(lease + 1, Ordering::AcqRel);
    assert!(!memory.kills_are_current());
    assert!(memory.peek_credential(&scene.platform, "K1").is_none(), "the lease is over");
}

/// R10: what one node does is followed by another node's memory.
pub(super) async fn r10_follows_another_node(fixture: &Fixture) {
    let scene = Scene::furnished(fixture).await;
    scene.key("K1", "a1").await;
    let elsewhere = Feed::new();
    let clock = Arc::new(Still(AtomicU64::new(1_000)));
    let memory = Cached::new(fixture.store.clone(), elsewhere.clone(), clock, false);
    let following = tokio::spawn({
        let memory = memory.clone();
        async move { memory.follow().await }
    });
    let wait = async |wanted: bool| {
        for _ in 0..500 {
            if memory.peek_credential(&scene.platform, "K1").is_some() == wanted {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    };
    memory.credential(&scene.platform, "K1").await.expect("credential");
    assert!(wait(true).await, "leased and remembered");
    let audit = scene.audit("key.revoke", "K1", at(32));
    scene.store().revoke_key(&scene.platform, &"K1".into(), EndReason::Owner, &audit).await.expect("revoke");
    assert!(wait(false).await, "the other node heard of it");
    assert_eq!(elsewhere.applied(), scene.store().head().await.expect("head"));
    following.abort();
}

/// R10: kills of before and of now are known without a look-up.
pub(super) async fn r10_kills_are_known(fixture: &Fixture) {
    let scene = Scene::furnished(fixture).await;
    scene.chained().await;
    let revoke = async |id: &str| {
        let mut issue = scene.sample_issue(&format!("of {id}"), None);
        issue.grant.new_id = id.into();
        let grant = scene.store().issue_token(&issue).await.expect("issue").granted().expect("granted");
        let audit = scene.audit("grant.revoke", id, at(40));
        let done = scene.store().revoke_grant(&scene.platform, &grant, None, EndReason::Owner, &audit).await;
        assert_eq!(done.expect("revoke"), crate::Changed::Done);
    };
    let before = scene.applied();
    revoke("g1").await;
    let (memory, _) = memory(fixture, true);
    let why = |kind, id: &str, offset| memory.killed(&scene.platform, kind, id, offset);
    let killed = |kind, id: &str, offset| why(kind, id, offset).is_some();
    assert!(!killed(SubjectKind::Grant, "g1", before) && !memory.kills_are_current(), "nothing was loaded");
    memory.load_kills(at(41)).await.expect("load");
    assert!(!killed(SubjectKind::Grant, "g1", before), "too old to matter");
    memory.load_kills(at(0)).await.expect("load");
    assert!(killed(SubjectKind::Grant, "g1", before) && memory.kills_are_current());
    assert!(!killed(SubjectKind::Grant, "g1", scene.applied()), "what was issued since lives");
    assert!(memory.killed(&"moon".into(), SubjectKind::Grant, "g1", before).is_none());
    let owners = Some(Killed { kind: SubjectKind::Grant, at: None, reason: Some(EndReason::Owner) });
    assert_eq!(why(SubjectKind::Grant, "g1", before), owners, "as the store has it");
    assert!(!killed(SubjectKind::Client, "g1", before));
    let then = scene.applied();
    revoke("g2").await;
    assert_eq!(why(SubjectKind::Grant, "g2", then), owners, "before the answer");
    assert!(!killed(SubjectKind::Client, "app", Offset(0)), "changes are no kills");
}

/// R11: a grant is remembered until something happens to it; a token until its chain ends.
pub(super) async fn grants_are_remembered(fixture: &Fixture) {
    let scene = Scene::furnished(fixture).await;
    scene.chained().await;
    let (memory, _) = memory(fixture, true);
    let grant = async || memory.grant(&scene.platform, &"g1".into()).await.expect("grant").expect("found");
    assert!(grant().await.ended.is_none());
    let reads = scene.store().reads();
    assert!(grant().await.ended.is_none());
    assert_eq!(scene.store().reads(), reads, "from memory");
    assert!(memory.grant(&scene.platform, &"g2".into()).await.expect("grant").is_none());
    assert!(memory.grant(&"moon".into(), &"g1".into()).await.expect("grant").is_none());

    let token = Digest::of(b"t");
    memory.token(&scene.platform, &token).await.expect("token");
    assert!(memory.peek_token(&scene.platform, &token).is_some());
    let audit = scene.audit("chain.end", "c", at(40));
    let (chain, client) = ("c".into(), "app".into());
    let ended = scene.store().end_chain(&scene.platform, &chain, &client, EndReason::Holder, &audit).await;
    assert_eq!(ended.expect("end"), crate::Changed::Done);
    assert!(memory.peek_token(&scene.platform, &token).is_none(), "dead through its chain");

    let audit = scene.audit("grant.revoke", "g1", at(41));
    let id = "g1".into();
    scene.store().revoke_grant(&scene.platform, &id, None, EndReason::Owner, &audit).await.expect("revoke");
    assert!(grant().await.ended.is_some());
}

/// What many tokens hang from is held once, and only as long as it is the very same.
pub(super) async fn tokens_share_what_is_the_same(fixture: &Fixture) {
    let scene = Scene::furnished(fixture).await;
    for text in ["t1", "t2", "t3"] {
        scene.store().issue_token(&scene.sample_issue(text, None)).await.expect("issue");
    }
    let (memory, _) = memory(fixture, true);
    let platform = &scene.platform;
    let client = memory.client(platform, &"app".into()).await.expect("client").expect("found");
    let token = async |text: &str| {
        memory.token(platform, &Digest::of(text.as_bytes())).await.expect("token").expect("found")
    };
    let (one, two) = (token("t1").await, token("t2").await);
    assert!(Arc::ptr_eq(&one.client, &client) && Arc::ptr_eq(&one.client, &two.client));
    assert!(Arc::ptr_eq(&one.grant, &two.grant));
    assert_eq!((&one.token.digest, &two.token.digest), (&Digest::of(b"t1"), &Digest::of(b"t2")));

    let audit = scene.audit("client.disable", "app", at(30));
    let change = crate::ClientChange { status: Some(Status::Disabled), ..Default::default() };
    scene.store().change_client(platform, &"app".into(), &change, &audit).await.expect("change");
    let three = token("t3").await;
    assert_eq!((client.status, three.client.status), (Status::Active, Status::Disabled));
}
