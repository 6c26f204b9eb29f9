//! The conformance suite against a real PostgreSQL, and what only PostgreSQL can get wrong: several nodes over one
//! database, a database that goes away.

mod cluster;

use cluster::Cluster;
use mandate_core::grant::{GrantSpec, SignOnRule};
use mandate_core::model::{Client, ClientOwner, GrantedBy, Status, User, UserKind};
use mandate_core::refresh::{Chain, Repeats};
use mandate_core::{ChainId, Digest, GrantId, Offset, OperationId, ScopeSet, Timestamp};
use mandate_store::conformance::{Fixture, cases};
use mandate_store::{
    Audit, Changed, DecisionRow, Feed, IssueToken, Minted, NewToken, Rotated, SignOn, SignedOn, Store,
    StoreError, open, token_handle,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

async fn fixture(url: &str) -> Fixture {
    let feed = Feed::new();
    Fixture { store: open(url, feed.clone()).await.expect("open"), feed }
}

#[tokio::test(flavor = "multi_thread")]
async fn conformance() {
    let cluster = Cluster::shared().await;
    for case in cases() {
        eprintln!("conformance: {case:?}");
        case.run(fixture(&cluster.database().await).await).await;
    }
}

const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

fn audit(operation: &str) -> Audit {
    Audit {
        operation: OperationId::new(operation),
        platform: Some("sun".into()),
        actor: "admin:test".into(),
        action: "test",
        subject: "test".into(),
        detail: String::new(),
        at: NOW,
    }
}

fn user(id: &str) -> User {
    User {
        platform: "sun".into(),
        id: id.into(),
        kind: UserKind::Person,
        name: id.into(),
        password: None,
        external: None,
        email: None,
        password_version: 1,
        status: Status::Active,
        created_at: NOW,
    }
}

fn issue(text: &str, known_grant: Option<GrantId>) -> IssueToken {
    let digest = Digest::of(text.as_bytes());
    IssueToken {
        grant: GrantSpec {
            platform: "sun".into(),
            new_id: "g1".into(),
            client: "app".into(),
            user: None,
            accounts: vec!["a1".into()],
            scopes: ScopeSet::parse("data").expect("scopes"),
            granted_by: GrantedBy::Owner,
        },
        known_grant,
        scopes: ScopeSet::parse("data").expect("scopes"),
        partner: None,
        token: NewToken {
            digest,
            handle: token_handle(&digest),
            issued_at: NOW,
            expires_at: None,
            offset: Offset(0),
            chain: None,
        },
        stored: true,
        chain: None,
        marks: vec![],
    }
}

/// Nodes that start at the same moment migrate once, and agree on the store's timeline.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_start_at_once() {
    let url = Cluster::shared().await.database().await;
    let mut nodes = JoinSet::new();
    for _ in 0..4 {
        let url = url.clone();
        nodes.spawn(async move { fixture(&url).await.store.info().await.expect("info") });
    }
    let infos = nodes.join_all().await;
    assert!(infos.iter().all(|i| *i == infos[0] && i.backend == "postgresql"));
}

fn sign_on(i: u32, exclusive: bool) -> SignOn {
    let issue = issue(&format!("token {i}"), None);
    let chain = Chain {
        platform: "sun".into(),
        id: format!("c{i}").into(),
        grant: "".into(),
        client: "app".into(),
        scopes: ScopeSet::default(),
        salt: [0; 16],
        key: 1,
        generation: 1,
        binding: None,
        context: "".into(),
        issued_at: NOW,
        answered_at: NOW,
        reanswers: 0,
        idle_ends_at: None,
        ends_at: None,
        offset: Offset(0),
        ended: None,
        repeats: Repeats::default(),
    };
    SignOn {
        grant: GrantSpec {
            user: Some("m".into()),
            accounts: vec![],
            new_id: format!("g{i}").into(),
            ..issue.grant
        },
        rule: SignOnRule { password_version: 1, exclusive },
        new_password: None,
        scopes: issue.scopes,
        minted: Minted { token: issue.token, stored: true, chain: Some(chain), marks: vec![] },
        audit: audit(&format!("sign-on {i}")),
    }
}

/// Sign-ons of one machine on two nodes follow each other: the quota holds, and each displaced one has one displacer.
#[tokio::test(flavor = "multi_thread")]
async fn r17_sign_ons_on_two_nodes() {
    let url = Cluster::shared().await.database().await;
    let nodes = [fixture(&url).await, fixture(&url).await];
    let machine = User { kind: UserKind::Machine { sessions: 1 }, ..user("m") };
    assert_eq!(nodes[0].store.create_user(&machine, &audit("create")).await.expect("create"), Changed::Done);
    let made = nodes[0].store.create_client(&client_named("app"), &audit("create client")).await;
    assert_eq!(made.expect("create"), Changed::Done);
    let race = async |exclusive, from: u32| {
        let mut tasks = JoinSet::new();
        for i in from..from + 64 {
            let store = nodes[usize::from(i % 2 == 0)].store.clone();
            tasks.spawn(async move { store.sign_on(&sign_on(i, exclusive)).await.expect("sign_on") });
        }
        tasks.join_all().await
    };
    let outcomes = race(false, 0).await;
    assert_eq!(outcomes.iter().filter(|o| matches!(o, SignedOn::Done { .. })).count(), 1);
    assert_eq!(outcomes.iter().filter(|o| matches!(o, SignedOn::QuotaReached { .. })).count(), 63);

    let mut displaced: Vec<ChainId> = Vec::new();
    for outcome in race(true, 100).await {
        let SignedOn::Done { displaced: by_this, .. } = outcome else { panic!("{outcome:?}") };
        displaced.extend(by_this.into_iter().map(|session| session.id));
    }
    displaced.sort();
    displaced.dedup();
    assert_eq!(displaced.len(), 64, "each took the place of one");
    for node in &nodes {
        let live = node.store.sign_ons(&"sun".into(), &"m".into(), NOW).await.expect("sign_ons");
        assert_eq!(live.len(), 1);
        assert!(!displaced.contains(&live[0].id));
    }
}

fn client_named(id: &str) -> Client {
    Client {
        platform: "sun".into(),
        id: id.into(),
        name: "An app".into(),
        description: "".into(),
        url: "".into(),
        terms_of_use: "".into(),
        privacy_policy: "".into(),
        owner: ClientOwner::Operator,
        status: Status::Active,
        status_since: NOW,
        live_trading_approved: false,
        redirect_uris: vec![],
        scopes: ScopeSet::default(),
        licences: vec![],
        visible_to: vec![],
        settings: mandate_core::ClientSettings::default(),
        secrets: vec![],
        created_at: NOW,
        active_from: None,
        expires_at: None,
        kill: Offset(0),
    }
}

/// SECURITY R9: an act on one node wakes the other, which reads the very entries.
#[tokio::test(flavor = "multi_thread")]
async fn r09_other_node_is_woken() {
    let url = Cluster::shared().await.database().await;
    let (one, two) = (fixture(&url).await, fixture(&url).await);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let account = |id: &str| mandate_core::model::Account {
        platform: "sun".into(),
        id: id.into(),
        environment: "live".into(),
        owner: None,
        partner: None,
        status: Status::Active,
        status_since: NOW,
        plan: None,
        licences: vec![],
        created_at: NOW,
        resets: 0,
        kill: Offset(0),
    };
    for i in 0..5_u64 {
        let waiting = tokio::spawn({
            let store = two.store.clone();
            async move { store.log_moved().await }
        });
        let made = one.store.create_account(&account(&format!("a{i}")), &audit(&format!("op{i}"))).await;
        assert_eq!(made.expect("create"), Changed::Done);
        let woken = tokio::time::timeout(Duration::from_millis(500), waiting).await;
        woken.expect("woken by the notification").expect("joined").expect("log_moved");
        assert_eq!(two.feed.applied(), Offset(i), "the follower applies, not the store");
        let entries = two.store.log_after(two.feed.applied(), 10).await.expect("log");
        assert_eq!(entries.len(), 1);
        two.feed.advance(entries[0].offset);
    }
    assert_eq!(one.feed.applied(), Offset(5));
}

/// One code, redeemed on two nodes at once: one of all is fresh.
#[tokio::test(flavor = "multi_thread")]
async fn codes_are_spent_once_over_two_nodes() {
    let cluster = Cluster::shared().await;
    let url = cluster.database().await;
    let nodes = [fixture(&url).await, fixture(&url).await];
    cluster::furnish(&nodes[0].store).await;
    let rule = cluster::rule();
    for round in 0..40 {
        let code = cluster::code(&format!("code{round}"), NOW);
        nodes[0].store.issue_code(&code).await.expect("issue");
        let mut tasks = JoinSet::new();
        for i in 0..64 {
            let (store, digest, rule) = (nodes[i % 2].store.clone(), code.code.digest, rule.clone());
            let token = Minted::stored(issue(&format!("t{round}-{i}"), None).token);
            tasks.spawn(async move { store.redeem_code(&"sun".into(), &digest, &rule, &token).await });
        }
        let results = tasks.join_all().await;
        let fresh = |r: &Result<_, _>| matches!(r, Ok(mandate_store::Redeemed::Fresh { .. }));
        let replayed = |r: &Result<_, _>| matches!(r, Ok(mandate_store::Redeemed::Replayed(_)));
        assert_eq!(results.iter().filter(|r| fresh(r)).count(), 1, "round {round}");
        assert_eq!(results.iter().filter(|r| replayed(r)).count(), 63, "round {round}");
    }
}

/// One refresh token, presented on two nodes at once: one of all is answered, and the chain has ended.
#[tokio::test(flavor = "multi_thread")]
async fn chains_have_one_winner_over_two_nodes() {
    let cluster = Cluster::shared().await;
    let url = cluster.database().await;
    let nodes = [fixture(&url).await, fixture(&url).await];
    cluster::furnish(&nodes[0].store).await;
    for round in 0..10 {
        let id = ChainId::new(format!("c{round}"));
        let begin = IssueToken {
            stored: false,
            chain: Some(cluster::chain(id.as_str(), NOW)),
            ..issue(&format!("first{round}"), None)
        };
        nodes[0].store.issue_token(&begin).await.expect("issue");
        let mut tasks = JoinSet::new();
        for i in 0..64 {
            let (store, id) = (nodes[i % 2].store.clone(), id.clone());
            let minted = Minted::stored(issue(&format!("t{round}-{i}"), None).token);
            tasks.spawn(async move {
                let (rule, scopes) = (cluster::refresh(0), ScopeSet::default());
                store.rotate_refresh(&"sun".into(), &id, &rule, &scopes, &minted, NOW).await.expect("rotate")
            });
        }
        let outcomes = tasks.join_all().await;
        let count = |is: fn(&Rotated) -> bool| outcomes.iter().filter(|r| is(r)).count();
        assert_eq!(count(|r| matches!(r, Rotated::Answered { .. })), 1, "round {round}");
        assert_eq!(count(|r| matches!(r, Rotated::Replayed(..))), 1, "round {round}");
        assert_eq!(count(|r| matches!(r, Rotated::Ended(_))), 62, "round {round}");
    }
}

/// Moves a chain on, again and again, from the generation that the answers say. An answer that was lost, or a refusal
/// that was none, shows at once: in strict mode the next step is a replay. Gives how many steps were answered, and how many
/// were not: refused, or with an end that nobody knows.
async fn move_on(store: Arc<dyn Store>, id: ChainId, lap: u32) -> (u32, u32) {
    let platform = "sun".into();
    let (mut answered, mut failed) = (0, 0);
    let found = store.chain(&platform, &id).await.expect("chain").value.expect("found");
    let mut generation = found.0.generation;
    for n in 0..400 {
        let minted = Minted::stored(issue(&format!("{id}-{lap}-{n}"), None).token);
        let (rule, scopes) = (cluster::refresh(generation), ScopeSet::default());
        match store.rotate_refresh(&platform, &id, &rule, &scopes, &minted, NOW).await {
            Ok(Rotated::Answered { chain, .. }) => {
                answered += 1;
                generation = chain.generation;
            }
            Err(StoreError::Unavailable(_)) => failed += 1,
            // the kill may meet every chain in the middle of one batch
            Err(StoreError::Unresolved(_)) => return (answered, failed + 1),
            other => panic!("{id} at {generation}: {other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    (answered, failed)
}

/// SECURITY R17, for refresh chains.
#[tokio::test(flavor = "multi_thread")]
async fn r17_killed_database_loses_no_step_of_a_chain() {
    let mut cluster = Cluster::start().await;
    let node = fixture(&cluster.database().await).await;
    cluster::furnish(&node.store).await;
    for i in 0..16 {
        let chain = Some(cluster::chain(&format!("c{i}"), NOW));
        let begin = IssueToken { stored: false, chain, ..issue(&format!("first{i}"), None) };
        node.store.issue_token(&begin).await.expect("issue");
    }
    for lap in 0..2 {
        let mut tasks = JoinSet::new();
        for i in 0..16 {
            tasks.spawn(move_on(node.store.clone(), ChainId::new(format!("c{i}")), lap));
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        cluster.kill().await;
        cluster.restart().await;
        let sums = tasks.join_all().await.into_iter().fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
        assert!(sums.0 > 50 && sums.1 > 0, "{sums:?}");
        node.store.ping().await.expect("it is back");
    }
}

/// SECURITY R17: a member that cannot be stored fails alone, the rest of its batch is stored.
#[tokio::test(flavor = "multi_thread")]
async fn r17_members_of_a_batch_have_their_own_verdict() {
    let node = fixture(&Cluster::shared().await.database().await).await;
    cluster::furnish(&node.store).await;
    let grant =
        node.store.issue_token(&issue("first", None)).await.expect("issue").granted().expect("granted");
    let mut tasks = JoinSet::new();
    for i in 0..64 {
        let store = node.store.clone();
        let text = if i % 8 == 0 { "first".to_owned() } else { format!("t{i}") };
        let issue = issue(&text, Some(grant.clone()));
        tasks.spawn(async move { (i, store.issue_token(&issue).await) });
    }
    for (i, result) in tasks.join_all().await {
        assert_eq!(result.is_ok(), i % 8 != 0, "{result:?}");
    }
    assert_eq!(node.store.counts(&"sun".into()).await.expect("counts").1, 57);
}

/// Texts that PostgreSQL cannot hold are unknown, not an outage.
#[tokio::test(flavor = "multi_thread")]
async fn nul_is_only_unknown() {
    let node = fixture(&Cluster::shared().await.database().await).await;
    let platform = "sun".into();
    assert!(node.store.user_by_name(&platform, "a\0b").await.expect("read").is_none());
    assert!(node.store.credential(&platform, "\0").await.expect("read").value.is_none());
    assert!(node.store.decision(&platform, &"\0".into()).await.expect("read").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn urls_that_cannot_be_kept_are_refused() {
    for url in ["postgresql://u@localhost/d?sslmode=require", "postgresql://u@localhost:none/d"] {
        let refused = open(url, Feed::new()).await;
        assert!(matches!(refused, Err(StoreError::Misuse(_))), "{refused:?}");
    }
    let nobody = open("postgresql://u@127.0.0.1:1/d", Feed::new()).await;
    assert!(matches!(nobody, Err(StoreError::Unavailable(_))), "{nobody:?}");
}

/// SECURITY R17, and the promise that nothing needs a restart: the database is killed under load and comes back.
/// Everything that was answered is there; what was refused is not.
#[tokio::test(flavor = "multi_thread")]
async fn r17_killed_database_loses_no_answer_and_comes_back() {
    let mut cluster = Cluster::start().await;
    let node = fixture(&cluster.database().await).await;
    cluster::furnish(&node.store).await;
    let grant =
        node.store.issue_token(&issue("first", None)).await.expect("issue").granted().expect("granted");
    for round in 0..3 {
        let mut tasks = JoinSet::new();
        for i in 0..32 {
            let (store, grant) = (node.store.clone(), grant.clone());
            tasks.spawn(async move {
                let mut answered = Vec::new();
                for n in 0..400 {
                    let text = format!("t{round}-{i}-{n}");
                    let result = if n % 20 == 7 {
                        store.create_user(&user(&text), &audit(&text)).await.map(drop)
                    } else {
                        store.issue_token(&issue(&text, Some(grant.clone()))).await.map(drop)
                    };
                    answered.push((text, n % 20 == 7, result));
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                answered
            });
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
        cluster.kill().await;
        let asked = tokio::time::timeout(Duration::from_secs(5), node.store.ping()).await.expect("quickly");
        assert!(matches!(asked, Err(StoreError::Unavailable(_))), "{asked:?}");
        cluster.restart().await;
        let answered = tasks.join_all().await.concat();
        node.store.ping().await.expect("it is back");
        let (mut stored, mut refused) = (0, 0);
        for (text, is_user, result) in answered {
            let there = if is_user {
                node.store.user(&"sun".into(), &text.as_str().into()).await.expect("read").is_some()
            } else {
                let digest = Digest::of(text.as_bytes());
                node.store.token(&"sun".into(), &digest).await.expect("read").value.is_some()
            };
            match result {
                Ok(()) => {
                    stored += 1;
                    assert!(there, "{text} was answered and is lost");
                }
                Err(StoreError::Unavailable(why)) => {
                    refused += 1;
                    assert!(!there, "{text} was refused and is there: {why}");
                }
                Err(StoreError::Unresolved(_)) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        eprintln!("round {round}: {stored} stored, {refused} refused");
        assert!(stored > 100 && refused > 0);
    }
}

/// A database that hangs without closing anything is given up in time, and used again when it goes on.
#[tokio::test(flavor = "multi_thread")]
async fn silent_database_is_given_up_in_time() {
    let cluster = Cluster::start().await;
    let node = fixture(&cluster.database().await).await;
    cluster::furnish(&node.store).await;
    let grant =
        node.store.issue_token(&issue("first", None)).await.expect("issue").granted().expect("granted");
    node.store.issue_token(&issue("second", Some(grant.clone()))).await.expect("issue");
    cluster.freeze(true);
    let late = issue("late", Some(grant.clone()));
    let (made, sealed) = (user("eve"), audit("eve"));
    let (read, issued, created) = tokio::time::timeout(Duration::from_secs(10), async {
        tokio::join!(node.store.ping(), node.store.issue_token(&late), node.store.create_user(&made, &sealed))
    })
    .await
    .expect("in time");
    cluster.freeze(false);
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    assert!(matches!(issued, Err(StoreError::Unresolved(_))), "it may yet be stored: {issued:?}");
    assert!(matches!(created, Err(StoreError::Unavailable(_))), "it never came to its commit: {created:?}");
    node.store.issue_token(&issue("next", Some(grant))).await.expect("it goes on");
    assert!(node.store.user(&"sun".into(), &"eve".into()).await.expect("read").is_none());
}

/// Refusals outlive a dropped partition: the day is made again.
#[tokio::test(flavor = "multi_thread")]
async fn decisions_survive_another_nodes_purge() {
    let url = Cluster::shared().await.database().await;
    let (one, two) = (fixture(&url).await, fixture(&url).await);
    let row = |id: &str| DecisionRow {
        id: id.into(),
        platform: "sun".into(),
        at: NOW,
        cause: "c".into(),
        document: "{}".into(),
    };
    one.store.record_decisions(&[row("d1")]).await.expect("record");
    two.store.purge(NOW.plus_seconds(50 * 86_400)).await.expect("purge");
    assert!(one.store.decision(&"sun".into(), &"d1".into()).await.expect("read").is_none());
    one.store.record_decisions(&[row("d2")]).await.expect("record again");
    assert!(two.store.decision(&"sun".into(), &"d2".into()).await.expect("read").is_some());
}
