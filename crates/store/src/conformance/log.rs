//! The log and platform policy.

use super::Fixture;
use super::samples::{Scene, at};
use crate::{Changed, PlatformRow, TokenName};
use mandate_core::log::Effect;
use mandate_core::model::{EndReason, Status};
use mandate_core::{Digest, LogEntry, Offset, SubjectKind};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;

/// SECURITY R9.
pub(super) async fn gap_free_in_order(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    let told: Arc<Mutex<Vec<LogEntry>>> = Arc::default();
    let sink = told.clone();
    f.feed.listen(Arc::new(move |entries| sink.lock().expect("lock").extend_from_slice(entries)));
    let start = scene.store().head().await.expect("head");
    let mut tasks = JoinSet::new();
    for i in 0..48 {
        let (store, platform, status) = (f.store.clone(), scene.platform.clone(), i % 2 == 0);
        let (key, audit) = (scene.sample_key(&format!("K{i}"), "a1"), scene.audit("test", "x", at(2)));
        tasks.spawn(async move {
            if i % 3 == 0 {
                store.create_key(&key, &audit).await.expect("create");
            } else {
                let status = if status { Status::Disabled } else { Status::Active };
                store.set_account_status(&platform, &"p1".into(), status, &audit).await.expect("set");
            }
        });
    }
    tasks.join_all().await;
    let head = scene.store().head().await.expect("head");
    assert!(head > start);
    let entries = scene.entries().await;
    let offsets: Vec<u64> = entries.iter().map(|e| e.offset.0).collect();
    assert_eq!(offsets, (1..=head.0).collect::<Vec<_>>());
    assert_eq!(scene.applied(), head);
    let mut told = told.lock().expect("lock").clone();
    told.sort_by_key(|e| e.offset);
    told.dedup();
    assert_eq!(told, entries[usize::try_from(start.0).expect("small")..]);
    let some = scene.store().log_after(Offset(2), 3).await.expect("log_after");
    assert_eq!(some, entries[2..5]);
    assert!(scene.store().log_after(head, 10).await.expect("log_after").is_empty());
}

/// Look-ups are counted for what was asked of the node, not for what it does of itself once a second.
pub(super) async fn following_is_no_look_up(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    let before = scene.store().reads();
    assert!(!scene.store().log_after(Offset(0), 10).await.expect("log_after").is_empty());
    scene.store().purge(at(3)).await.expect("purge");
    assert_eq!(scene.store().reads(), before);
    scene.store().clients(&scene.platform).await.expect("clients");
    assert_eq!(scene.store().reads(), before + 1);
}

/// SECURITY R11: the node's own caches change after the commit and before the answer.
pub(super) async fn told_before_the_answer(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    let told: Arc<Mutex<Vec<LogEntry>>> = Arc::default();
    let sink = told.clone();
    f.feed.listen(Arc::new(move |entries| sink.lock().expect("lock").extend_from_slice(entries)));
    let knows = |kind, id: &str, effect| {
        let told = told.lock().expect("lock");
        told.iter().any(|e| e.subject.kind == kind && &*e.subject.id == id && e.effect == effect)
    };
    for i in 0..20 {
        let id = format!("acc{i}");
        scene.account(&id, None, "live").await;
        let audit = scene.audit("account.status", &id, at(2));
        let id = id.as_str().into();
        scene.store().set_account_status(&scene.platform, &id, Status::Disabled, &audit).await.expect("set");
        assert!(knows(SubjectKind::Account, id.as_str(), Effect::Kill));
        let kill = scene.newest(SubjectKind::Account, id.as_str()).await.expect("entry");
        assert!(scene.applied() >= kill.offset);
    }
    scene.key("K1", "a1").await;
    let audit = scene.audit("key.revoke", "K1", at(3));
    scene.store().revoke_key(&scene.platform, &"K1".into(), EndReason::Owner, &audit).await.expect("revoke");
    assert!(knows(SubjectKind::Key, "K1", Effect::Kill));
}

pub(super) async fn moved_wakes(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    let store = f.store.clone();
    let waiting = tokio::spawn(async move { store.log_moved().await.expect("log_moved") });
    tokio::time::sleep(Duration::from_millis(30)).await;
    scene.account("a9", None, "live").await;
    tokio::time::timeout(Duration::from_secs(3), waiting).await.expect("woken").expect("joined");
    tokio::time::timeout(Duration::from_secs(3), f.store.log_moved())
        .await
        .expect("gives up")
        .expect("quiet");
}

pub(super) async fn platforms_apply_in_turn(f: &Fixture) {
    let scene = Scene::new(f);
    assert!(scene.store().platforms().await.expect("platforms").is_empty());
    let row = |revision: u64, text: &str| PlatformRow {
        id: scene.platform.clone(),
        revision,
        document: text.into(),
        applied_at: at(i64::try_from(revision).expect("small")),
    };
    for (expected, revision, text, result) in [
        (1, 2, "early", Changed::Conflict),
        (0, 1, "one", Changed::Done),
        (0, 1, "again", Changed::Conflict),
        (1, 2, "two", Changed::Done),
        (1, 2, "late", Changed::Conflict),
    ] {
        let audit = scene.audit("platform.apply", "sun", at(1));
        let done = scene.store().apply_platform(&row(revision, text), expected, &audit).await;
        assert_eq!(done.expect("apply"), result, "{text}");
    }
    let rows = scene.store().platforms().await.expect("platforms");
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].revision, rows[0].document.as_str(), rows[0].applied_at), (2, "two", at(2)));
    let entries: Vec<_> = scene.entries().await.into_iter().map(|e| (e.subject.kind, e.effect)).collect();
    assert_eq!(entries, [(SubjectKind::Platform, Effect::Change); 2]);
    let mut tasks = JoinSet::new();
    for i in 0..8 {
        let (store, row, audit) =
            (f.store.clone(), row(3, &format!("{i}")), scene.audit("platform.apply", "sun", at(1)));
        tasks.spawn(async move { store.apply_platform(&row, 2, &audit).await.expect("apply") });
    }
    let results = tasks.join_all().await;
    assert_eq!(results.iter().filter(|r| **r == Changed::Done).count(), 1);
}

pub(super) async fn kills_are_listed(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    assert!(scene.store().kills_since(at(0)).await.expect("kills").is_empty(), "changes are no kills");
    for (account, when) in [("a1", 30), ("p1", 31), ("b1", 32)] {
        let (id, audit) = (account.into(), scene.audit("account.disable", account, at(when)));
        let off = scene.store().set_account_status(&scene.platform, &id, Status::Disabled, &audit).await;
        assert_eq!(off.expect("status"), Changed::Done);
    }
    let kills = scene.store().kills_since(at(31)).await.expect("kills");
    let ids: Vec<&str> = kills.iter().map(|e| &*e.subject.id).collect();
    assert_eq!(ids, ["p1", "b1"]);
    assert!(kills.iter().all(|e| e.effect == Effect::Kill));
    assert!(kills[0].offset < kills[1].offset);
}

/// R10: tokens, refresh chains and grants end with their reason, for tokens that have no row to say it.
pub(super) async fn r10_ends_say_why(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    scene.chained().await;
    let told: Arc<Mutex<Vec<LogEntry>>> = Arc::default();
    let sink = told.clone();
    f.feed.listen(Arc::new(move |entries| sink.lock().expect("lock").extend_from_slice(entries)));
    let before = scene.applied();
    let (store, platform) = (scene.store(), &scene.platform);
    let audit = scene.audit("token.revoke", "t", at(40));
    let token = TokenName::Digest(Digest::of(b"t"));
    let done = store.revoke_token(platform, &token, None, EndReason::Operator, &audit).await;
    assert_eq!(done.expect("token"), Changed::Done);
    let audit = scene.audit("token.revoke", "c", at(41));
    let done = store.end_chain(platform, &"c".into(), &"app".into(), EndReason::Holder, &audit).await;
    assert_eq!(done.expect("chain"), Changed::Done);
    let audit = scene.audit("grant.revoke", "g1", at(42));
    let done = store.revoke_grant(platform, &"g1".into(), None, EndReason::Owner, &audit).await;
    assert_eq!(done.expect("grant"), Changed::Done);
    let audit = scene.audit("account.disable", "a1", at(43));
    let done = store.set_account_status(platform, &"a1".into(), Status::Disabled, &audit).await;
    assert_eq!(done.expect("account"), Changed::Done);
    let written = store.log_after(before, 100).await.expect("log");
    let found: Vec<_> = written.iter().map(|e| (e.subject.kind, e.effect, e.reason)).collect();
    let kill = Effect::Kill;
    assert_eq!(
        found,
        [
            (SubjectKind::Token, kill, Some(EndReason::Operator)),
            (SubjectKind::Token, kill, Some(EndReason::Holder)),
            (SubjectKind::Grant, kill, Some(EndReason::Owner)),
            (SubjectKind::Account, kill, None),
        ]
    );
    assert_eq!(*told.lock().expect("lock"), written, "what is told is what is written");
    assert_eq!(store.kills_since(at(40)).await.expect("kills"), written);
}
