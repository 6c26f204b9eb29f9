//! The SQLite backend against the conformance suite, and what only a file can show.

mod common;

use common::{Folder, open};
use mandate_core::model::{Status, User, UserKind};
use mandate_core::{Offset, OperationId, PlatformId, Timestamp};
use mandate_store::conformance::{self, Fixture};
use mandate_store::{Audit, Changed, DecisionRow, Feed, StoreError};
use std::sync::atomic::{AtomicU32, Ordering};

#[tokio::test(flavor = "multi_thread")]
async fn conformance_in_a_file() {
    let (folder, number) = (Folder::new("conformance"), AtomicU32::new(0));
    conformance::all(async || {
        let number = number.fetch_add(1, Ordering::Relaxed);
        open(&folder.url(&format!("{number}.db"))).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conformance_in_memory() {
    conformance::all(async || open("sqlite::memory:").await).await;
}

const fn at(s: i64) -> Timestamp {
    Timestamp::from_seconds(s)
}

fn audit(action: &'static str, subject: &str) -> Audit {
    Audit {
        operation: OperationId::new(format!("{action} {subject}")),
        platform: Some(platform()),
        actor: "system".into(),
        action,
        subject: subject.into(),
        detail: String::new(),
        at: at(1),
    }
}

fn platform() -> PlatformId {
    "sun".into()
}

async fn make_user(fixture: &Fixture, id: &str) {
    let user = User {
        platform: platform(),
        id: id.into(),
        kind: UserKind::Person,
        name: id.into(),
        password: None,
        external: None,
        email: None,
        password_version: 1,
        status: Status::Active,
        created_at: at(1),
    };
    let audit = audit("user.create", id);
    assert_eq!(fixture.store.create_user(&user, &audit).await.expect("create"), Changed::Done);
}

#[tokio::test]
async fn everything_is_there_after_reopening() {
    let folder = Folder::new("reopen");
    let url = folder.url("a.db");
    let first = open(&url).await;
    make_user(&first, "ann").await;
    let row = mandate_store::PlatformRow {
        id: platform(),
        revision: 1,
        document: "text".into(),
        applied_at: at(2),
    };
    let audit = audit("platform.apply", "sun");
    assert_eq!(first.store.apply_platform(&row, 0, &audit).await.expect("apply"), Changed::Done);
    let refusal = DecisionRow {
        id: "d1".into(),
        platform: platform(),
        at: at(3),
        cause: "x".into(),
        document: "{}".into(),
    };
    first.store.record_decisions(std::slice::from_ref(&refusal)).await.expect("record");
    let (info, head) = (first.store.info().await.expect("info"), first.store.head().await.expect("head"));
    drop(first);
    let second = open(&url).await;
    assert_eq!(second.store.info().await.expect("info"), info);
    assert_eq!(second.store.head().await.expect("head"), head);
    assert_eq!(second.feed.applied(), head, "what is issued now comes after every kill so far");
    assert!(head > Offset(0));
    assert!(second.store.user(&platform(), &"ann".into()).await.expect("read").is_some());
    assert_eq!(second.store.platforms().await.expect("platforms").len(), 1);
    assert!(second.store.decision(&platform(), &"d1".into()).await.expect("read").is_some());
}

#[tokio::test]
async fn one_process_at_a_time() {
    let folder = Folder::new("lock");
    let url = folder.url("a.db");
    let first = open(&url).await;
    let second = mandate_store::open(&url, Feed::new()).await;
    assert!(matches!(second, Err(StoreError::Unavailable(text)) if text.contains("another process")));
    drop(first);
    open(&url).await.store.ping().await.expect("free again");
}

#[tokio::test]
async fn what_cannot_be_opened_is_said() {
    let missing = mandate_store::open("sqlite:/nowhere/at/all.db", Feed::new()).await;
    assert!(matches!(missing, Err(StoreError::Unavailable(text)) if text.contains("/nowhere/at/all.db")));
    let wrong = mandate_store::open("mysql://x", Feed::new()).await;
    assert!(matches!(wrong, Err(StoreError::Misuse(_))));
}

#[cfg(unix)]
#[tokio::test]
async fn r01_files_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new("mode");
    let fixture = open(&folder.url("a.db")).await;
    make_user(&fixture, "ann").await;
    for file in std::fs::read_dir(folder.path()).expect("folder").flatten() {
        let mode = file.metadata().expect("metadata").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", file.path().display());
    }
}
