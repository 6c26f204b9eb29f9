//! Signing keys.

use super::Fixture;
use super::samples::{Scene, at};
use crate::{Changed, SigningKeyRow};
use mandate_core::SubjectKind;
use tokio::task::JoinSet;

fn key(scene: &Scene<'_>, kid: &str, alg: &str) -> SigningKeyRow {
    SigningKeyRow {
        platform: scene.platform.clone(),
        kid: kid.into(),
        alg: alg.into(),
        wrapped: vec![1, 2, 3],
        public: format!("{{\"kid\":\"{kid}\"}}").into(),
        created_at: at(10),
        active_from: at(3610),
        retires_at: None,
        gone_at: None,
    }
}

async fn add(scene: &Scene<'_>, key: &SigningKeyRow, alone: bool) -> Changed {
    let audit = scene.audit("signing_key.add", &key.kid, at(10));
    scene.store().add_signing_key(key, alone, &audit).await.expect("add")
}

pub(super) async fn kept_as_given(f: &Fixture) {
    let scene = Scene::new(f);
    let planned =
        SigningKeyRow { retires_at: Some(at(90)), gone_at: Some(at(99)), ..key(&scene, "k2", "ES256") };
    assert_eq!(add(&scene, &key(&scene, "k1", "ES256"), true).await, Changed::Done);
    assert_eq!(add(&scene, &planned, false).await, Changed::Done);
    assert_eq!(add(&scene, &key(&scene, "k1", "EdDSA"), true).await, Changed::Conflict, "the id is taken");
    assert_eq!(add(&scene, &key(&scene, "k3", "ES256"), true).await, Changed::Conflict, "there is one");
    assert_eq!(add(&scene, &key(&scene, "k4", "EdDSA"), true).await, Changed::Done);
    let kept = scene.store().signing_keys(&scene.platform).await.expect("keys");
    assert_eq!(kept, [key(&scene, "k1", "ES256"), planned, key(&scene, "k4", "EdDSA")]);
    assert!(scene.store().signing_keys(&"moon".into()).await.expect("keys").is_empty());
    assert!(scene.newest(SubjectKind::Platform, "sun").await.is_some(), "all nodes hear of it");
    assert_eq!(scene.store().audit_after(0, 10).await.expect("audit").len(), 3);
    assert!(!format!("{kept:?}").contains("wrapped"), "r04");
}

/// Nodes that start at once agree on one key of each algorithm.
pub(super) async fn one_of_an_algorithm_under_a_race(f: &Fixture) {
    let scene = Scene::new(f);
    let mut tasks = JoinSet::new();
    for i in 0..64 {
        let alg = if i % 2 == 0 { "ES256" } else { "EdDSA" };
        let (store, key) = (f.store.clone(), key(&scene, &format!("k{i}"), alg));
        let audit = scene.audit("signing_key.add", &key.kid, at(10));
        tasks.spawn(async move { store.add_signing_key(&key, true, &audit).await.expect("add") });
    }
    let done = tasks.join_all().await.into_iter().filter(|c| *c == Changed::Done).count();
    assert_eq!((done, scene.store().signing_keys(&scene.platform).await.expect("keys").len()), (2, 2));
}

pub(super) async fn retired_once(f: &Fixture) {
    let scene = Scene::new(f);
    add(&scene, &key(&scene, "k1", "ES256"), true).await;
    let retire = async |kid: &str, when: i64| {
        let audit = scene.audit("signing_key.retire", kid, at(20));
        let gone_at = Some(at(when + 60));
        let done = scene.store().retire_signing_key(&scene.platform, kid, at(when), gone_at, &audit).await;
        done.expect("retire")
    };
    assert_eq!(retire("k2", 5).await, Changed::NotFound);
    assert_eq!(retire("k1", 50).await, Changed::Done, "planned");
    let head = scene.applied();
    assert_eq!(retire("k1", 60).await, Changed::Conflict, "not later than planned");
    assert_eq!(scene.applied(), head);
    assert_eq!(retire("k1", 5).await, Changed::Done, "but earlier");
    assert!(scene.applied() > head, "all nodes hear of it");
    let kept = scene.store().signing_keys(&scene.platform).await.expect("keys");
    assert_eq!((kept[0].retires_at, kept[0].gone_at), (Some(at(5)), Some(at(65))));
    assert_eq!(add(&scene, &key(&scene, "k3", "ES256"), true).await, Changed::Done, "no other is left");
}
