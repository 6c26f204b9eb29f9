//! Administrators and the store itself.

use super::Fixture;
use super::samples::{Scene, at};
use crate::{Changed, PlatformRow};
use mandate_core::Digest;
use mandate_core::model::{AdminRights, Administrator};
use tokio::task::JoinSet;

fn admin(id: &str, rights: AdminRights) -> Administrator {
    Administrator { id: id.into(), rights, platform: None, created_at: at(0), expires_at: Some(at(3600)) }
}

/// SECURITY R25.
pub(super) async fn first_one_is_made_once(f: &Fixture) {
    let scene = Scene::new(f);
    let mut tasks = JoinSet::new();
    for i in 0..16 {
        let (store, audit) = (f.store.clone(), scene.audit("admin.bootstrap", "admin", at(0)));
        let made = admin(&format!("boot{i}"), AdminRights::Bootstrap);
        tasks.spawn(async move {
            let digest = Digest::of(made.id.as_str().as_bytes());
            store.bootstrap_admin(&made, &digest, &audit).await.expect("bootstrap")
        });
    }
    let results = tasks.join_all().await;
    assert_eq!(results.iter().filter(|r| **r == Changed::Done).count(), 1);
    let admins = scene.store().admins().await.expect("admins");
    assert_eq!(admins.len(), 1);
    let audit = scene.audit("admin.end", "admin", at(1));
    assert_eq!(scene.store().end_admin(&admins[0].id, &audit).await.expect("end"), Changed::Done);
    let audit = scene.audit("admin.bootstrap", "admin", at(2));
    let late = scene
        .store()
        .bootstrap_admin(&admin("late", AdminRights::Bootstrap), &Digest::of(b"l"), &audit)
        .await;
    assert_eq!(late.expect("bootstrap"), Changed::Conflict, "never again, even when all have ended");
}

pub(super) async fn bootstrap_is_spent(f: &Fixture) {
    let scene = Scene::new(f);
    let boot = admin("boot", AdminRights::Bootstrap);
    let audit = scene.audit("admin.bootstrap", "boot", at(0));
    scene.store().bootstrap_admin(&boot, &Digest::of(b"boot"), &audit).await.expect("bootstrap");
    let mut tasks = JoinSet::new();
    for i in 0..8 {
        let (store, audit) = (f.store.clone(), scene.audit("admin.create", "admin", at(1)));
        let (made, spend) = (admin(&format!("a{i}"), AdminRights::Write), boot.id.clone());
        tasks.spawn(async move {
            let digest = Digest::of(made.id.as_str().as_bytes());
            store.create_admin(&made, &digest, Some(&spend), &audit).await.expect("create")
        });
    }
    let results = tasks.join_all().await;
    assert_eq!(results.iter().filter(|r| **r == Changed::Done).count(), 1);
    assert_eq!(results.iter().filter(|r| **r == Changed::Conflict).count(), 7);
    assert!(scene.store().admin(&Digest::of(b"boot"), at(2)).await.expect("read").is_none());
    assert_eq!(scene.store().admins().await.expect("admins").len(), 1);
}

pub(super) async fn ends_and_expires(f: &Fixture) {
    let scene = Scene::new(f);
    let mut made = admin("ops", AdminRights::Read);
    made.platform = Some(scene.platform.clone());
    let create = async |made: &Administrator, digest: &[u8]| {
        let audit = scene.audit("admin.create", made.id.as_str(), at(0));
        scene.store().create_admin(made, &Digest::of(digest), None, &audit).await.expect("create")
    };
    assert_eq!(create(&made, b"one").await, Changed::Done);
    assert_eq!(create(&made, b"two").await, Changed::Conflict, "the name is taken");
    let found = scene.store().admin(&Digest::of(b"one"), at(3599)).await.expect("read").expect("live");
    assert_eq!(format!("{found:?}"), format!("{made:?}"));
    assert!(scene.store().admin(&Digest::of(b"one"), at(3600)).await.expect("read").is_none());
    assert!(scene.store().admin(&Digest::of(b"two"), at(1)).await.expect("read").is_none());
    for (id, expected) in [("nobody", Changed::NotFound), ("ops", Changed::Done), ("ops", Changed::Conflict)]
    {
        let audit = scene.audit("admin.end", id, at(5));
        assert_eq!(scene.store().end_admin(&id.into(), &audit).await.expect("end"), expected);
    }
    assert!(scene.store().admin(&Digest::of(b"one"), at(6)).await.expect("read").is_none());
    assert!(scene.store().admins().await.expect("admins").is_empty());
}

pub(super) async fn store_knows_itself(f: &Fixture) {
    f.store.ping().await.expect("ping");
    let info = f.store.info().await.expect("info");
    assert!(info.timeline.len() >= 32, "{info:?}");
    assert!(!info.demo);
    assert!(["sqlite", "postgresql"].contains(&info.backend));
    assert_eq!(f.store.info().await.expect("info"), info);
}

pub(super) async fn wrapped_keys_are_kept(f: &Fixture) {
    let mut tasks = JoinSet::new();
    for i in 0..8_u8 {
        let store = f.store.clone();
        tasks.spawn(async move { store.wrapped_key("root", &[i; 40]).await.expect("key") });
    }
    let keys = tasks.join_all().await;
    assert!(keys.iter().all(|k| *k == keys[0] && k.len() == 40), "all nodes use the same");
    assert_eq!(f.store.wrapped_key("root", b"late").await.expect("key"), keys[0]);
    assert_eq!(f.store.wrapped_key("other", b"other").await.expect("key"), b"other");
}

async fn apply(scene: &Scene<'_>) {
    let row =
        PlatformRow { id: scene.platform.clone(), revision: 1, document: String::new(), applied_at: at(0) };
    let audit = scene.audit("platform.apply", "sun", at(0));
    assert_eq!(scene.store().apply_platform(&row, 0, &audit).await.expect("apply"), Changed::Done);
}

/// SECURITY R25.
pub(super) async fn demo_is_stamped_once(f: &Fixture) {
    assert_eq!(f.store.stamp_demo().await.expect("stamp"), Changed::Done);
    assert!(f.store.info().await.expect("info").demo);
    apply(&Scene::new(f)).await;
    assert_eq!(f.store.stamp_demo().await.expect("stamp"), Changed::Done, "it is one already");
}

/// SECURITY R25.
pub(super) async fn real_store_becomes_no_demo(f: &Fixture) {
    apply(&Scene::new(f)).await;
    assert_eq!(f.store.stamp_demo().await.expect("stamp"), Changed::Conflict);
    assert!(!f.store.info().await.expect("info").demo);
}
