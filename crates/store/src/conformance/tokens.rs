//! Access tokens.

use super::Fixture;
use super::samples::{Scene, at, partner, scopes};
use crate::{Changed, Issued, MarkKind, StoreError, TokenName, token_handle};
use mandate_core::grant::GrantSpec;
use mandate_core::model::EndReason;
use mandate_core::refresh::Chain;
use mandate_core::{Digest, SubjectKind, TokenHandle};
use tokio::task::JoinSet;

pub(super) async fn found_with_all_facts(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    let mut issue = scene.sample_issue("t", Some("dawn"));
    issue.grant.accounts = vec!["a1".into(), "p1".into()];
    issue.token.expires_at = Some(at(3600));
    scene.store().issue_token(&issue).await.expect("issue");
    let read = scene.store().token(&scene.platform, &issue.token.digest).await.expect("read");
    assert_eq!(read.offset, scene.applied());
    let facts = read.value.expect("token");
    let token = &facts.token;
    assert_eq!((token.digest, &token.handle), (issue.token.digest, &issue.token.handle));
    assert_eq!((token.grant.as_str(), &token.scopes), ("g1", &scopes("data")));
    assert_eq!((&token.partner, token.offset), (&Some(partner("dawn")), issue.token.offset));
    assert_eq!((token.issued_at, token.expires_at, &token.ended), (at(20), Some(at(3600)), &None));
    assert_eq!(facts.grant.accounts, issue.grant.accounts);
    assert_eq!(format!("{:?}", facts.client), format!("{:?}", scene.sample_client("app")));
    let ids: Vec<_> = facts.accounts.iter().map(|a| a.id.as_str()).collect();
    assert_eq!(ids, ["a1", "p1"]);
    assert_eq!(facts.killed, None);
    assert!(scene.token("unknown").await.is_none());
}

pub(super) async fn issued_under_a_known_grant(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    let first = scene.store().issue_token(&scene.sample_issue("t1", None)).await.expect("issue");
    let first = first.granted().expect("granted");
    let mut known = scene.sample_issue("t2", None);
    known.known_grant = Some(first.clone());
    known.grant.new_id = "unused".into();
    let before = scene.store().head().await.expect("head");
    assert_eq!(scene.store().issue_token(&known).await.expect("issue").granted(), Some(first.clone()));
    assert_eq!(scene.token("t2").await.expect("token").grant.id, first);
    assert_eq!(scene.store().head().await.expect("head"), before, "issuing tells the log nothing");
    let audit = scene.audit("grant.revoke", "g1", at(25));
    scene
        .store()
        .revoke_grant(&scene.platform, &first, None, EndReason::Owner, &audit)
        .await
        .expect("revoke");
    let mut late = scene.sample_issue("t3", None);
    late.known_grant = Some(first);
    late.token.offset = before;
    scene.store().issue_token(&late).await.expect("issue");
    let stale = scene.token("t3").await.expect("token");
    assert!(stale.grant.ended.is_some(), "dead at birth");
}

pub(super) async fn revoked_by_their_partner_only(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    for (text, by) in [("own", None), ("dawns", Some("dawn")), ("dawns2", Some("dawn"))] {
        scene.store().issue_token(&scene.sample_issue(text, by)).await.expect("issue");
    }
    let digest = |text: &str| TokenName::Digest(Digest::of(text.as_bytes()));
    let handle = |text: &str| TokenName::Handle(token_handle(&Digest::of(text.as_bytes())));
    let revoke = async |named: TokenName, by: Option<&str>| {
        let (by, audit) = (by.map(partner), scene.audit("token.revoke", "t", at(40)));
        let done =
            scene.store().revoke_token(&scene.platform, &named, by.as_ref(), EndReason::Holder, &audit).await;
        done.expect("revoke")
    };
    assert_eq!(revoke(digest("unknown"), None).await, Changed::NotFound);
    assert_eq!(revoke(TokenName::Handle(TokenHandle::new("no handle")), None).await, Changed::NotFound);
    assert_eq!(revoke(digest("dawns"), Some("dusk")).await, Changed::NotFound);
    assert_eq!(revoke(handle("dawns"), Some("dusk")).await, Changed::NotFound);
    assert_eq!(revoke(digest("dawns"), None).await, Changed::NotFound);
    assert_eq!(revoke(digest("own"), Some("dawn")).await, Changed::NotFound);
    for text in ["own", "dawns", "dawns2"] {
        assert_eq!(scene.token(text).await.expect("token").token.ended, None);
    }
    assert_eq!(revoke(digest("dawns"), Some("dawn")).await, Changed::Done);
    assert_eq!(revoke(handle("dawns"), Some("dawn")).await, Changed::Conflict);
    assert_eq!(revoke(handle("dawns2"), Some("dawn")).await, Changed::Done);
    assert_eq!(revoke(handle("own"), None).await, Changed::Done);
    for text in ["own", "dawns", "dawns2"] {
        let ended = scene.token(text).await.expect("token").token.ended.expect("ended");
        assert_eq!((ended.at, ended.reason), (at(40), EndReason::Holder));
        let handle = token_handle(&Digest::of(text.as_bytes()));
        assert!(scene.has_kill(SubjectKind::Token, handle.as_str()).await);
    }
}

/// DESIGN D16: the grant may grow, the token does not.
pub(super) async fn scopes_are_frozen(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    scene.store().issue_token(&scene.sample_issue("t1", None)).await.expect("issue");
    let mut wider = scene.sample_issue("t2", None);
    wider.grant.scopes = scopes("data trading");
    wider.scopes = scopes("trading");
    scene.store().issue_token(&wider).await.expect("issue");
    let (first, second) = (scene.token("t1").await.expect("t1"), scene.token("t2").await.expect("t2"));
    assert_eq!((&first.token.scopes, &second.token.scopes), (&scopes("data"), &scopes("trading")));
    assert_eq!(
        (&first.grant.scopes, &second.grant.scopes),
        (&scopes("data trading"), &scopes("data trading"))
    );
}

pub(super) async fn many_at_once(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    let mut tasks = JoinSet::new();
    for i in 0..400 {
        let (store, mut issue) = (f.store.clone(), scene.sample_issue(&format!("t{i}"), None));
        issue.grant =
            GrantSpec { accounts: vec![format!("x{}", i % 7).into()], ..scene.spec(&format!("g{i}")) };
        tasks.spawn(async move { store.issue_token(&issue).await.expect("issue") });
    }
    tasks.join_all().await;
    for i in 0..400 {
        assert!(scene.token(&format!("t{i}")).await.is_some());
    }
    assert_eq!(scene.counts().await, (0, 400, 7));
}

pub(super) async fn handles_are_derived(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    scene.store().issue_token(&scene.sample_issue("t", None)).await.expect("issue");
    let handle = scene.token("t").await.expect("token").token.handle;
    assert_eq!(handle, token_handle(&Digest::of(b"t")));
    assert_eq!(handle.as_str().len(), 32);
}

/// SECURITY R17: members of a batch have their own verdict.
pub(super) async fn failing_member_of_a_batch_fails_alone(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    let taken = scene.audit("user.create", "u", at(1));
    let first = scene.store().create_user(&scene.sample_user("first"), &taken).await;
    assert_eq!(first.expect("create"), Changed::Done);
    let mut tasks = JoinSet::new();
    for i in 0..64 {
        let store = f.store.clone();
        let bad = i % 9 == 0;
        let audit = if bad { taken.clone() } else { scene.audit("user.create", "u", at(1)) };
        let user = scene.sample_user(&format!("u{i}"));
        tasks.spawn(async move { (bad, user.id.clone(), store.create_user(&user, &audit).await) });
    }
    for (bad, id, result) in tasks.join_all().await {
        let user = scene.store().user(&scene.platform, &id).await.expect("read");
        if bad {
            assert!(matches!(result, Err(StoreError::Misuse(_))), "{result:?}");
            assert!(user.is_none());
        } else {
            assert_eq!(result.expect("create"), Changed::Done);
            assert!(user.is_some());
        }
    }
}

pub(super) async fn issued_with_a_chain(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    let mut issue = scene.sample_issue("t", None);
    issue.chain = Some(Chain { grant: "filled in".into(), ..scene.sample_chain("c", at(20)) });
    scene.store().issue_token(&issue).await.expect("issue");
    assert_eq!(scene.chain("c").await.map(|c| c.grant), Some("g1".into()));
    assert_eq!(scene.token("t").await.expect("token").token.chain, Some("c".into()));
    let mut alone = scene.sample_issue("jwt", None);
    (alone.stored, alone.known_grant) = (false, Some("g1".into()));
    alone.chain = Some(scene.sample_chain("c2", at(20)));
    scene.store().issue_token(&alone).await.expect("issue");
    assert!(scene.chain("c2").await.is_some() && scene.token("jwt").await.is_none());
    assert!(scene.store().issue_token(&alone).await.is_err(), "a chain begins once");
    let mut joined = scene.sample_issue("t2", None);
    joined.token.chain = Some("c".into());
    joined.known_grant = Some("g1".into());
    scene.store().issue_token(&joined).await.expect("issue");
    assert_eq!(scene.token("t2").await.expect("token").token.chain, Some("c".into()));
}

pub(super) async fn issued_without_a_trace(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    let mut issue = scene.sample_issue("jwt", None);
    issue.stored = false;
    let grant = scene.store().issue_token(&issue).await.expect("issue").granted();
    assert_eq!(
        (grant.as_ref(), scene.counts().await),
        (Some(&"g1".into()), (0, 0, 1)),
        "the grant is opened"
    );
    issue.known_grant = grant.clone();
    assert_eq!(scene.store().issue_token(&issue).await.expect("issue").granted(), grant);
    assert_eq!(scene.counts().await, (0, 0, 1));
}

pub(super) async fn r16_marks_are_spent_with_the_issue(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    let mut issue = scene.sample_issue("t", None);
    issue.marks = vec![Scene::sample_mark(MarkKind::Assertion, "a")];
    assert_eq!(scene.mark(&issue.marks).await, None);
    let reused = scene.store().issue_token(&issue).await.expect("issue");
    assert_eq!(reused, Issued::Reused(MarkKind::Assertion));
    assert_eq!(scene.counts().await, (0, 0, 0), "no grant was opened either");
    issue.marks = vec![Scene::sample_mark(MarkKind::Assertion, "b")];
    assert_eq!(scene.store().issue_token(&issue).await.expect("issue").granted(), Some("g1".into()));
    assert_eq!(scene.mark(&issue.marks).await, Some(MarkKind::Assertion));
    let mut known = scene.sample_issue("jwt", None);
    (known.stored, known.known_grant, known.marks) = (false, Some("g1".into()), issue.marks);
    assert_eq!(scene.store().issue_token(&known).await.expect("issue"), Issued::Reused(MarkKind::Assertion));
}
