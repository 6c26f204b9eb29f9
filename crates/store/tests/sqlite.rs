//! The SQLite backend against the conformance suite, and what only a file can show.

mod common;

use common::{Folder, open};
use mandate_core::grant::CodeRule;
use mandate_core::model::{Client, ClientOwner, Code, GrantedBy, Status, User, UserKind};
use mandate_core::{Digest, Offset, OperationId, PlatformId, ScopeSet, Timestamp};
use mandate_store::conformance::{self, Fixture};
use mandate_store::{
    Audit, Changed, DecisionRow, Feed, IssueToken, Minted, NewCode, NewToken, Redeemed, StoreError,
};
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

async fn make_client(fixture: &Fixture) {
    let client = Client {
        platform: platform(),
        id: "app".into(),
        name: "An app".into(),
        description: "".into(),
        url: "".into(),
        terms_of_use: "".into(),
        privacy_policy: "".into(),
        owner: ClientOwner::Operator,
        status: Status::Active,
        status_since: at(0),
        live_trading_approved: true,
        redirect_uris: vec!["https://app.example/callback".into()],
        scopes: ScopeSet::default(),
        licences: vec![],
        visible_to: vec![],
        settings: mandate_core::ClientSettings::default(),
        secrets: vec![],
        created_at: at(0),
        active_from: None,
        expires_at: None,
        kill: Offset(0),
    };
    let made = fixture.store.create_client(&client, &audit("client.create", "app")).await;
    assert_eq!(made.expect("create"), Changed::Done);
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

/// `cargo test --release -p mandate-store --test sqlite -- --ignored --nocapture` (BARS S1): 32 tasks on one worker
/// thread, each answered after its commit is durable.
#[ignore = "a measurement"]
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn cost_of_the_hot_verbs() {
    let folder = Folder::new("cost");
    let fixture = open(&folder.url("a.db")).await;
    make_client(&fixture).await;
    for verb in ["issue_token", "issue_code", "redeem_code", "token"] {
        for round in 0..4 {
            let (cpu, start) = (common::cost::cpu(), tokio::time::Instant::now());
            let mut tasks = tokio::task::JoinSet::new();
            for task in 0..TASKS {
                tasks.spawn(hot(fixture.clone(), verb, round * TASKS + task));
            }
            tasks.join_all().await;
            let acts = f64::from(TASKS * ACTS);
            let cpu = common::cost::cpu().saturating_sub(cpu).as_secs_f64() * 1e6 / acts;
            println!("{verb}: {cpu:.1} us CPU, {:.0}/s", acts / start.elapsed().as_secs_f64());
        }
    }
    let (codes, tokens, _) = fixture.store.counts(&platform()).await.expect("counts");
    assert_eq!((codes, tokens), (u64::from(4 * TASKS * ACTS), u64::from(8 * TASKS * ACTS)));
    let size: u64 = std::fs::read_dir(folder.path())
        .expect("folder")
        .flatten()
        .filter_map(|f| f.metadata().ok())
        .map(|m| m.len())
        .sum();
    println!("{} bytes a token and half a code", size / tokens);
    drop(fixture);
    let start = tokio::time::Instant::now();
    open(&folder.url("a.db")).await.store.ping().await.expect("ping");
    println!("opened in {:?}", start.elapsed());
}

const TASKS: u32 = 32;
const ACTS: u32 = 1000;

async fn hot(fixture: Fixture, verb: &str, task: u32) {
    let grant = mandate_core::grant::GrantSpec {
        platform: platform(),
        new_id: format!("gr_{task}").into(),
        client: "app".into(),
        user: Some(format!("user{task}").into()),
        accounts: vec![format!("b1946ac9-2492-4d23-a5a1-{task:012}").into()],
        scopes: ScopeSet::parse("account:write trading data").expect("scopes"),
        granted_by: GrantedBy::Owner,
    };
    let scopes = &grant.scopes;
    let mut known = None;
    for act in 0..ACTS {
        let digest = |kind: &str| Digest::of(format!("{kind} {task} {act}").as_bytes());
        let new_token = |kind: &str| NewToken {
            digest: digest(kind),
            handle: mandate_store::token_handle(&digest(kind)),
            issued_at: at(5),
            expires_at: None,
            offset: fixture.feed.applied(),
            chain: None,
        };
        match verb {
            "issue_token" => {
                let token = new_token("token");
                let new = IssueToken {
                    grant: grant.clone(),
                    known_grant: known,
                    scopes: scopes.clone(),
                    partner: None,
                    token,
                    stored: true,
                    chain: None,
                    marks: vec![],
                };
                known = fixture.store.issue_token(&new).await.expect("issue").granted();
            }
            "issue_code" => {
                let code = Code {
                    digest: digest("code"),
                    client: "app".into(),
                    redirect_uri: "https://app.example/callback".into(),
                    challenge: None,
                    grant: "".into(),
                    scopes: scopes.clone(),
                    partner: None,
                    issued_at: at(1),
                    expires_at: at(601),
                    offset: fixture.feed.applied(),
                    binding: None,
                    context: "".into(),
                    redeemed: None,
                    redeemed_chain: None,
                };
                fixture
                    .store
                    .issue_code(&NewCode { grant: grant.clone(), code, completes: None })
                    .await
                    .expect("issue");
            }
            "redeem_code" => {
                let rule = CodeRule {
                    client: "app".into(),
                    redirect_uri: "https://app.example/callback".into(),
                    verifier: None,
                    requires_pkce: false,
                    binding: None,
                    secret_of: None,
                    own_secret_serves: None,
                    resource: None,
                };
                let token = Minted::stored(new_token("redeemed"));
                let redeemed = fixture.store.redeem_code(&platform(), &digest("code"), &rule, &token).await;
                assert!(matches!(redeemed, Ok(Redeemed::Fresh { .. })), "{redeemed:?}");
            }
            _ => {
                let found = fixture.store.token(&platform(), &digest("token")).await.expect("token");
                assert!(found.value.is_some());
            }
        }
    }
}
