//! Grants.

use super::Fixture;
use super::samples::{DAY, Scene, at, scopes};
use crate::Changed;
use mandate_core::grant::GrantSpec;
use mandate_core::log::Effect;
use mandate_core::model::{EndReason, GrantedBy};
use mandate_core::{GrantId, SubjectKind};
use std::collections::HashSet;
use tokio::task::JoinSet;

async fn open(scene: &Scene<'_>, spec: GrantSpec, text: &str) -> GrantId {
    let mut issue = scene.sample_issue(text, None);
    issue.grant = spec;
    scene.store().issue_token(&issue).await.expect("issue").granted().expect("granted")
}

async fn revoke(scene: &Scene<'_>, id: &str, owner: Option<&str>) -> Changed {
    let audit = scene.audit("grant.revoke", id, at(50));
    let owner = owner.map(Into::into);
    let done = scene
        .store()
        .revoke_grant(&scene.platform, &id.into(), owner.as_ref(), EndReason::Owner, &audit)
        .await;
    done.expect("revoke")
}

/// DESIGN D16: client, subject, account set and origin make the key.
pub(super) async fn one_is_live_per_key(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    scene.client("app2").await;
    let base = |id: &str| scene.spec(id);
    let variants = [
        base("g1"),
        GrantSpec { client: "app2".into(), ..base("g2") },
        GrantSpec { user: Some("bob".into()), ..base("g3") },
        GrantSpec { accounts: vec!["a1".into(), "p1".into()], ..base("g4") },
        GrantSpec { granted_by: GrantedBy::Partner("dawn".into()), ..base("g5") },
        GrantSpec { granted_by: GrantedBy::Partner("dusk".into()), ..base("g6") },
        GrantSpec { user: None, granted_by: GrantedBy::Partner("dusk".into()), ..base("g7") },
    ];
    for (i, spec) in variants.iter().enumerate() {
        let made = open(&scene, spec.clone(), &format!("t{i}")).await;
        assert_eq!(made, spec.new_id, "its own grant");
        let again = GrantSpec { new_id: format!("other{i}").into(), ..spec.clone() };
        assert_eq!(open(&scene, again, &format!("u{i}")).await, spec.new_id, "the live one");
        let live = scene.store().live_grant(spec).await.expect("read").value.expect("live");
        assert_eq!((&live.id, &live.user, &live.accounts), (&spec.new_id, &spec.user, &spec.accounts));
        assert_eq!((&live.client, &live.granted_by), (&spec.client, &spec.granted_by));
    }
    assert_eq!(scene.counts().await.2, 7);
    let missing = GrantSpec { accounts: vec!["p1".into()], ..base("g9") };
    assert!(scene.store().live_grant(&missing).await.expect("read").value.is_none());
    assert_eq!(scene.store().grants(&scene.platform).await.expect("grants").len(), 7);
}

pub(super) async fn opened_once_under_a_race(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    let mut tasks = JoinSet::new();
    for i in 0..32 {
        let (store, mut issue) = (f.store.clone(), scene.sample_issue(&format!("t{i}"), None));
        let mut code = scene.sample_code(&format!("c{i}"), &format!("c-g{i}"), None);
        issue.grant.new_id = format!("g{i}").into();
        code.grant.scopes = scopes("trading");
        tasks.spawn(async move {
            if i % 2 == 0 {
                store.issue_token(&issue).await.expect("issue").granted()
            } else {
                store.issue_code(&code).await.expect("issue")
            }
        });
    }
    let ids: HashSet<GrantId> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(ids.len(), 1);
    let live = scene.store().live_grant(&scene.spec("x")).await.expect("read").value.expect("live");
    assert_eq!(live.scopes, scopes("data trading"), "no widening was lost");
    assert_eq!(scene.counts().await, (16, 16, 1));
}

pub(super) async fn widened_and_kept(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    let first = open(&scene, scene.spec("g1"), "t1").await;
    let mut wider = scene.sample_issue("t2", None);
    wider.grant.scopes = scopes("trading");
    wider.token.issued_at = at(99);
    assert_eq!(scene.store().issue_token(&wider).await.expect("issue").granted(), Some(first.clone()));
    let grant = scene.store().grant(&scene.platform, &first).await.expect("read").expect("grant");
    assert_eq!(grant.scopes, scopes("data trading"));
    assert_eq!((grant.created_at, grant.updated_at), (at(20), at(99)));
    let entry = scene.newest(SubjectKind::Grant, "g1").await.expect("told");
    assert_eq!(entry.effect, Effect::Change);
    let mut narrower = scene.sample_issue("t3", None);
    narrower.grant.scopes = scopes("data");
    scene.store().issue_token(&narrower).await.expect("issue");
    let grant = scene.store().grant(&scene.platform, &first).await.expect("read").expect("grant");
    assert_eq!(grant.scopes, scopes("data trading"), "never narrowed");
    assert!(scene.store().grant(&scene.platform, &"nobody".into()).await.expect("read").is_none());
}

pub(super) async fn revoked_by_its_owner_only(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    open(&scene, scene.spec("g1"), "t1").await;
    assert_eq!(revoke(&scene, "nobody", None).await, Changed::NotFound);
    assert_eq!(revoke(&scene, "g1", Some("bob")).await, Changed::NotFound, "not on bob's accounts");
    assert!(scene.token("t1").await.expect("token").grant.ended.is_none());
    assert_eq!(revoke(&scene, "g1", Some("ann")).await, Changed::Done);
    assert_eq!(revoke(&scene, "g1", Some("ann")).await, Changed::Conflict);
    let ended = scene.token("t1").await.expect("token").grant.ended.clone().expect("ended");
    assert_eq!((ended.at, ended.reason, ended.successor), (at(50), EndReason::Owner, None));
    assert!(scene.has_kill(SubjectKind::Grant, "g1").await);
    let partners =
        GrantSpec { user: None, granted_by: GrantedBy::Partner("dawn".into()), ..scene.spec("g2") };
    open(&scene, partners, "t2").await;
    assert_eq!(
        revoke(&scene, "g2", Some("ann")).await,
        Changed::Done,
        "SECURITY R23: the owner may end a partner's"
    );
}

pub(super) async fn seen_by_its_owner(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    scene.client("app2").await;
    open(&scene, scene.spec("g1"), "t1").await;
    open(&scene, scene.spec("g1"), "t2").await;
    let partners =
        GrantSpec { user: None, granted_by: GrantedBy::Partner("dawn".into()), ..scene.spec("g2") };
    open(&scene, partners, "t4").await;
    open(&scene, GrantSpec { client: "app2".into(), ..scene.spec("g3") }, "t5").await;
    let bobs = GrantSpec { user: Some("bob".into()), accounts: vec!["b1".into()], ..scene.spec("g4") };
    open(&scene, bobs, "t6").await;
    revoke(&scene, "g1", None).await;
    open(&scene, scene.spec("g5"), "t7").await;
    let seen = async |now| {
        let apps = scene.store().connected_apps(&scene.platform, &"ann".into(), now).await.expect("apps");
        apps.into_iter().map(|a| (a.grant.id.to_string(), a.client.id.to_string())).collect::<Vec<_>>()
    };
    let row = |id: &str, client: &str| (id.to_owned(), client.to_owned());
    let live = [row("g2", "app"), row("g3", "app2"), row("g5", "app")];
    assert_eq!(seen(at(60)).await, [&live[..], &[row("g1", "app")]].concat(), "live ones first");
    assert_eq!(seen(at(401 * DAY)).await, live, "ended ones for 400 days");
}

pub(super) async fn a_new_one_follows_a_revoked_one(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    open(&scene, scene.spec("g1"), "t1").await;
    revoke(&scene, "g1", None).await;
    assert!(scene.store().live_grant(&scene.spec("x")).await.expect("read").value.is_none());
    assert_eq!(open(&scene, scene.spec("g2"), "t2").await.as_str(), "g2");
    assert!(scene.token("t1").await.expect("t1").grant.ended.is_some());
    assert!(scene.token("t2").await.expect("t2").grant.ended.is_none());
}

/// RFC 6749 section 4.4: no owner, no account; another grant than one that somebody gave.
pub(super) async fn client_may_act_for_itself(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    let own = GrantSpec { user: None, accounts: vec![], granted_by: GrantedBy::Client, ..scene.spec("own") };
    let given = GrantSpec { granted_by: GrantedBy::Owner, ..own.clone() };
    let given = GrantSpec { new_id: "given".into(), ..given };
    assert_eq!(open(&scene, own.clone(), "t1").await.as_str(), "own");
    assert_eq!(open(&scene, given, "t2").await.as_str(), "given");
    let again = GrantSpec { new_id: "again".into(), ..own.clone() };
    assert_eq!(open(&scene, again, "t3").await.as_str(), "own");
    let live = scene.store().live_grant(&own).await.expect("live").value.expect("grant");
    assert_eq!((live.id.as_str(), live.granted_by, live.user), ("own", GrantedBy::Client, None));
    assert!(live.accounts.is_empty());
    let facts = scene.token("t1").await.expect("token");
    assert!(facts.accounts.is_empty() && facts.grant.granted_by == GrantedBy::Client);
}
