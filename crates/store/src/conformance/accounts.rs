//! Accounts.

use super::Fixture;
use super::samples::{Scene, at};
use crate::Changed;
use mandate_core::SubjectKind;
use mandate_core::log::Effect;
use mandate_core::model::{Account, Status};

pub(super) async fn made_once_for_a_known_owner(f: &Fixture) {
    let scene = Scene::new(f);
    scene.user("ann").await;
    let made = scene.account("a1", Some("ann"), "live").await;
    let found = scene.store().account(&scene.platform, &"a1".into()).await.expect("read");
    assert_eq!(found.value.as_ref(), Some(&made));
    assert!(found.offset <= scene.applied());
    for (id, owner, expected) in [("a1", "ann", Changed::Conflict), ("a2", "nobody", Changed::NotFound)] {
        let account = scene.sample_account(id, Some(owner), "live");
        let done = scene.store().create_account(&account, &scene.audit("account.create", id, at(1))).await;
        assert_eq!(done.expect("create"), expected);
    }
    assert!(scene.store().account(&scene.platform, &"a2".into()).await.expect("read").value.is_none());
}

pub(super) async fn listed_by_owner(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    let customer = Account {
        partner: Some("dawn".into()),
        plan: None,
        licences: vec![],
        ..scene.sample_account("c1", None, "live")
    };
    scene
        .store()
        .create_account(&customer, &scene.audit("account.create", "c1", at(1)))
        .await
        .expect("create");
    let (store, platform) = (scene.store(), &scene.platform);
    let ids = |accounts: Vec<Account>| accounts.into_iter().map(|a| a.id.to_string()).collect::<Vec<_>>();
    assert_eq!(ids(store.accounts(platform, Some(&"ann".into())).await.expect("list")), ["a1", "p1"]);
    assert_eq!(ids(store.accounts(platform, None).await.expect("list")), ["a1", "p1", "b1", "c1"]);
    assert_eq!(store.account(platform, &"c1".into()).await.expect("read").value, Some(customer));
}

pub(super) async fn switched_off_and_on(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    let set = async |id: &str, status, when| {
        let audit = scene.audit("account.status", id, when);
        scene.store().set_account_status(&scene.platform, &id.into(), status, &audit).await.expect("set")
    };
    assert_eq!(set("nobody", Status::Disabled, at(5)).await, Changed::NotFound);
    assert_eq!(set("a1", Status::Active, at(5)).await, Changed::Conflict);
    assert_eq!(set("a1", Status::Disabled, at(5)).await, Changed::Done);
    let off = scene.store().account(&scene.platform, &"a1".into()).await.expect("read").value.expect("a1");
    let entry = scene.newest(SubjectKind::Account, "a1").await.expect("entry");
    assert_eq!((off.status, off.status_since, off.kill), (Status::Disabled, at(5), entry.offset));
    assert_eq!((entry.effect, entry.at), (Effect::Kill, at(5)));
    assert_eq!(set("a1", Status::Active, at(6)).await, Changed::Done);
    let on = scene.store().account(&scene.platform, &"a1".into()).await.expect("read").value.expect("a1");
    assert_eq!((on.status, on.status_since, on.kill), (Status::Active, at(6), entry.offset));
    let entry = scene.newest(SubjectKind::Account, "a1").await.expect("entry");
    assert_eq!(entry.effect, Effect::Change);
}

/// SECURITY R10: enabling again does not raise the dead.
pub(super) async fn disabling_kills_for_good(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    scene.store().issue_token(&scene.sample_issue("old", None)).await.expect("issue");
    scene.key("K1", "a1").await;
    for status in [Status::Disabled, Status::Active] {
        let audit = scene.audit("account.status", "a1", at(5));
        scene.store().set_account_status(&scene.platform, &"a1".into(), status, &audit).await.expect("set");
    }
    scene.store().issue_token(&scene.sample_issue("new", None)).await.expect("issue");
    let (old, new) = (scene.token("old").await.expect("old"), scene.token("new").await.expect("new"));
    assert!(old.accounts[0].kill > old.token.offset);
    assert!(new.accounts[0].kill <= new.token.offset);
}
