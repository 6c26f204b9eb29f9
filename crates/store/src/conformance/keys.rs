//! API keys and the index of public credential ids.

use super::Fixture;
use super::samples::{Scene, at};
use crate::Changed;
use mandate_core::model::{ApiKey, Credential, EndReason, Ended, KeyHolder};
use mandate_core::{EnvironmentId, SubjectKind};
use tokio::task::JoinSet;

async fn found(scene: &Scene<'_>, id: &str) -> ApiKey {
    match scene.store().credential(&scene.platform, id).await.expect("read").value {
        Some(Credential::Key(facts)) => facts.key.clone(),
        other => panic!("{id} is {other:?}"),
    }
}

pub(super) async fn made_once_for_a_known_account(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    assert_eq!(scene.key("K1", "a1").await, Changed::Done);
    assert_eq!(scene.key("K1", "a1").await, Changed::Conflict);
    assert_eq!(scene.key("K2", "nobody").await, Changed::NotFound);
    let at_offset = scene.store().credential(&scene.platform, "K1").await.expect("read");
    assert_eq!(at_offset.offset, scene.applied());
    let Some(Credential::Key(facts)) = at_offset.value else { panic!("no key") };
    assert_eq!(facts.account.as_ref().expect("account").id.as_str(), "a1");
    let key = &facts.key;
    assert_eq!((key.digest, &*key.label, key.created_at), (mandate_core::Digest::of(b"K1"), "bot", at(1)));
    assert_eq!((&key.holder, &key.ended), (&KeyHolder::Account("a1".into()), &None));
    assert!(scene.newest(SubjectKind::Key, "K1").await.is_some(), "nodes learn that the id is known");
}

pub(super) async fn two_live_keys_per_environment(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    assert_eq!(scene.key("K1", "a1").await, Changed::Done);
    assert_eq!(scene.key("K2", "a1").await, Changed::Done);
    assert_eq!(scene.key("K3", "a1").await, Changed::TooMany);
    let other = ApiKey { environment: Some(EnvironmentId::new("paper")), ..scene.sample_key("K4", "a1") };
    let made = scene.store().create_key(&other, &scene.audit("key.create", "K4", at(1))).await;
    assert_eq!(made.expect("create"), Changed::Done, "another environment counts apart");
    assert_eq!(scene.key("K5", "b1").await, Changed::Done, "another account counts apart");
    let audit = scene.audit("key.revoke", "K1", at(2));
    scene.store().revoke_key(&scene.platform, &"K1".into(), EndReason::Owner, &audit).await.expect("revoke");
    let sixth = ApiKey { created_at: at(3), ..scene.sample_key("K6", "a1") };
    let made = scene.store().create_key(&sixth, &scene.audit("key.create", "K6", at(3))).await;
    assert_eq!(made.expect("create"), Changed::Done);
    let listed = scene.store().keys(&scene.platform, &KeyHolder::Account("a1".into())).await.expect("keys");
    let ids: Vec<_> = listed.iter().map(|k| k.id.as_str()).collect();
    assert_eq!(ids, ["K1", "K2", "K4", "K6"]);
}

pub(super) async fn limit_holds_under_a_race(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    let mut tasks = JoinSet::new();
    for i in 0..16 {
        let store = f.store.clone();
        let (key, audit) = (scene.sample_key(&format!("K{i}"), "a1"), scene.audit("key.create", "K", at(1)));
        tasks.spawn(async move { store.create_key(&key, &audit).await.expect("create") });
    }
    let results = tasks.join_all().await;
    assert_eq!(results.iter().filter(|r| **r == Changed::Done).count(), 2);
    assert_eq!(results.iter().filter(|r| **r == Changed::TooMany).count(), 14);
}

pub(super) async fn replaced_with_overlap(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    scene.key("K1", "a1").await;
    scene.key("K2", "a1").await;
    let replace = async |old: &str, new: &str, end| {
        let (key, audit) = (scene.sample_key(new, "a1"), scene.audit("key.replace", old, at(10)));
        scene.store().replace_key(&scene.platform, &old.into(), &key, end, &audit).await.expect("replace")
    };
    assert_eq!(replace("nobody", "K3", at(100)).await, Changed::NotFound);
    assert_eq!(replace("K1", "K2", at(100)).await, Changed::Conflict, "the new id is taken");
    assert_eq!(replace("K1", "K3", at(100)).await, Changed::Done, "not counted");
    assert_eq!(replace("K1", "K4", at(100)).await, Changed::Conflict, "replaced already");
    let ended = Ended { at: at(100), reason: EndReason::Replaced, successor: Some("K3".into()) };
    let old = found(&scene, "K1").await;
    assert_eq!(old.ended.as_ref(), Some(&ended));
    assert!(!ended.by(at(99)) && ended.by(at(100)));
    assert_eq!(found(&scene, "K3").await.ended, None);
    assert!(scene.newest(SubjectKind::Key, "K3").await.is_some());
    let changed = scene.newest(SubjectKind::Key, "K1").await.expect("entry");
    assert_eq!(changed.effect, mandate_core::log::Effect::Change, "it still works for a while");
    assert_eq!(scene.key("K5", "a1").await, Changed::TooMany);
    assert_eq!(replace("K2", "K6", at(10)).await, Changed::Done);
    assert!(scene.has_kill(SubjectKind::Key, "K2").await, "no overlap: a kill");
}

pub(super) async fn revoked_once(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    scene.key("K1", "a1").await;
    for (id, expected) in [("nobody", Changed::NotFound), ("K1", Changed::Done), ("K1", Changed::Conflict)] {
        let audit = scene.audit("key.revoke", id, at(7));
        let done = scene.store().revoke_key(&scene.platform, &id.into(), EndReason::Operator, &audit).await;
        assert_eq!(done.expect("revoke"), expected);
    }
    let ended = found(&scene, "K1").await.ended.expect("ended");
    assert_eq!(ended, Ended { at: at(7), reason: EndReason::Operator, successor: None });
    assert!(scene.has_kill(SubjectKind::Key, "K1").await);
}

pub(super) async fn reset_names_the_successor_and_kills(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    scene.key("K1", "a1").await;
    scene.key("K2", "a1").await;
    let reset = async |account: &str, new: &str| {
        let (key, audit) = (scene.sample_key(new, "a1"), scene.audit("account.reset", account, at(9)));
        scene.store().reset_account(&scene.platform, &account.into(), &key, &audit).await.expect("reset")
    };
    assert_eq!(reset("nobody", "K3").await, Changed::NotFound);
    assert_eq!(reset("a1", "app").await, Changed::Conflict, "the id names a client");
    assert_eq!(found(&scene, "K1").await.ended, None, "nothing was changed");
    assert_eq!(reset("a1", "K3").await, Changed::Done);
    for id in ["K1", "K2"] {
        let ended = Ended { at: at(9), reason: EndReason::AccountReset, successor: Some("K3".into()) };
        assert_eq!(found(&scene, id).await.ended, Some(ended));
        assert!(scene.has_kill(SubjectKind::Key, id).await);
    }
    assert_eq!(found(&scene, "K3").await.ended, None);
    assert!(!scene.has_kill(SubjectKind::Key, "K3").await);
    let account =
        scene.store().account(&scene.platform, &"a1".into()).await.expect("read").value.expect("a1");
    assert_eq!(account.resets, 1);
}

pub(super) async fn partner_keys(f: &Fixture) {
    let scene = Scene::new(f);
    let holder = KeyHolder::Partner("dawn".into());
    for (id, expected) in [("P1", Changed::Done), ("P2", Changed::Done), ("P3", Changed::TooMany)] {
        let key = ApiKey { holder: holder.clone(), environment: None, ..scene.sample_key(id, "-") };
        let made = scene.store().create_key(&key, &scene.audit("key.create", id, at(1))).await;
        assert_eq!(made.expect("create"), expected);
    }
    let Some(Credential::Key(facts)) =
        scene.store().credential(&scene.platform, "P1").await.expect("read").value
    else {
        panic!("no key")
    };
    assert_eq!((&facts.key.holder, &facts.key.environment), (&holder, &None));
    assert!(facts.account.is_none());
    assert_eq!(scene.store().keys(&scene.platform, &holder).await.expect("keys").len(), 2);
}

/// SECURITY R7.
pub(super) async fn unknown_and_known_ids_cost_the_same(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    scene.key("K1", "a1").await;
    for id in ["K1", "nobody", "app", ""] {
        let before = scene.store().reads();
        scene.store().credential(&scene.platform, id).await.expect("read");
        assert_eq!(scene.store().reads() - before, 1, "{id}");
    }
    scene.store().issue_token(&scene.sample_issue("t", None)).await.expect("issue");
    for text in ["t", "unknown"] {
        let before = scene.store().reads();
        scene.token(text).await;
        assert_eq!(scene.store().reads() - before, 1, "{text}");
    }
}

pub(super) async fn ids_are_shared_with_clients(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    assert_eq!(scene.key("app", "a1").await, Changed::Conflict);
    assert_eq!(scene.key("K1", "a1").await, Changed::Done);
    let client = scene.sample_client("K1");
    let made = scene.store().create_client(&client, &scene.audit("client.create", "K1", at(1))).await;
    assert_eq!(made.expect("create"), Changed::Conflict);
    let named = scene.store().credential(&scene.platform, "app").await.expect("read").value;
    assert!(matches!(named, Some(Credential::Client(c)) if c.id.as_str() == "app"));
}
