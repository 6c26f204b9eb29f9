//! Users and their sessions.

use super::Fixture;
use super::samples::{Scene, at};
use crate::Changed;
use mandate_core::SubjectKind;
use mandate_core::model::{PasswordHash, Status, User};

pub(super) async fn made_once_per_name_and_id(f: &Fixture) {
    let scene = Scene::new(f);
    scene.user("ann").await;
    let same_name = User { id: "other".into(), ..scene.sample_user("ann") };
    let same_id = User { name: "other".into(), ..scene.sample_user("ann") };
    for twin in [same_name, same_id] {
        let audit = scene.audit("user.create", "ann", at(1));
        assert_eq!(scene.store().create_user(&twin, &audit).await.expect("create"), Changed::Conflict);
    }
    let foreign = Some(("https://idp".into(), "42".into()));
    let elsewhere = User { external: foreign.clone(), password: None, ..scene.sample_user("eve") };
    let audit = scene.audit("user.create", "eve", at(1));
    assert_eq!(scene.store().create_user(&elsewhere, &audit).await.expect("create"), Changed::Done);
    let twin = User { external: foreign, ..scene.sample_user("mallory") };
    let audit = scene.audit("user.create", "mallory", at(1));
    assert_eq!(scene.store().create_user(&twin, &audit).await.expect("create"), Changed::Conflict);
    let names: Vec<_> = scene
        .store()
        .users(&scene.platform)
        .await
        .expect("users")
        .into_iter()
        .map(|u| u.id.to_string())
        .collect();
    assert_eq!(names, ["ann", "eve"]);
}

pub(super) async fn found_by_name_and_id(f: &Fixture) {
    let scene = Scene::new(f);
    let made = scene.user("ann").await;
    let (store, platform) = (scene.store(), &scene.platform);
    let found = store.user_by_name(platform, "ann@example").await.expect("read").expect("found");
    assert_eq!(format!("{found:?}"), format!("{made:?}"));
    assert_eq!(found.password.expect("password").expose(), "$argon2id$1");
    assert!(store.user(platform, &"ann".into()).await.expect("read").is_some());
    assert!(store.user(platform, &"nobody".into()).await.expect("read").is_none());
    let before = store.reads();
    store.user_by_name(platform, "ann@example").await.expect("read");
    let known = store.reads() - before;
    assert!(store.user_by_name(platform, "ANN@example").await.expect("read").is_none());
    assert_eq!(store.reads() - before, 2 * known, "known and unknown names cost the same");
    assert_eq!(known, 1);
}

pub(super) async fn password_changes_under_its_version_only(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    let (store, platform) = (scene.store(), &scene.platform);
    for id in ["keep", "end"] {
        let opened = store.create_session(platform, &scene.sample_session(id, "ann"), 1).await;
        assert_eq!(opened.expect("open"), Changed::Done);
    }
    let new = PasswordHash::new("$argon2id$2");
    let keep = "keep".into();
    for (user, expected, result) in
        [("nobody", 1, Changed::NotFound), ("ann", 7, Changed::Conflict), ("ann", 1, Changed::Done)]
    {
        let audit = scene.audit("user.password", user, at(30));
        let set = store.set_password(platform, &user.into(), &new, expected, Some(&keep), &audit).await;
        assert_eq!(set.expect("set_password"), result);
    }
    let ann = store.user(platform, &"ann".into()).await.expect("read").expect("ann");
    assert_eq!((ann.password, ann.password_version), (Some(new), 2));
    let live = store.sessions(platform, &"ann".into(), at(40)).await.expect("sessions");
    assert_eq!(live.len(), 1);
    assert_eq!(live[0].id.as_str(), "keep");
    assert!(scene.has_kill(SubjectKind::Session, "end").await);
    assert!(!scene.has_kill(SubjectKind::Session, "keep").await);
}

pub(super) async fn session_opens_under_the_verified_version_only(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    let (store, platform) = (scene.store(), &scene.platform);
    let off = User { status: Status::Disabled, ..scene.sample_user("off") };
    store.create_user(&off, &scene.audit("user.create", "off", at(0))).await.expect("create");
    for (id, user, version, result) in [
        ("s1", "ann", 2, Changed::Conflict),
        ("s2", "nobody", 1, Changed::NotFound),
        ("s3", "off", 1, Changed::Conflict),
        ("s4", "ann", 1, Changed::Done),
        ("s4", "ann", 1, Changed::Conflict),
    ] {
        let opened = store.create_session(platform, &scene.sample_session(id, user), version).await;
        assert_eq!(opened.expect("open"), result, "{id}");
    }
    for id in ["s1", "s2", "s3"] {
        let digest = scene.sample_session(id, "ann").digest;
        assert!(store.session(platform, &digest, at(11)).await.expect("session").is_none());
    }
}

pub(super) async fn sessions_live_until_their_end(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    let (store, platform) = (scene.store(), &scene.platform);
    let made = scene.sample_session("s", "ann");
    store.create_session(platform, &made, 1).await.expect("open");
    let (session, user) = store.session(platform, &made.digest, at(3609)).await.expect("read").expect("live");
    assert_eq!((session.id.as_str(), user.id.as_str()), ("s", "ann"));
    assert_eq!((session.created_at, session.expires_at), (made.created_at, made.expires_at));
    assert_eq!((&*session.address, &*session.browser), ("192.0.2.0/24", "Firefox"));
    assert!(store.session(platform, &made.digest, at(3610)).await.expect("read").is_none());
    assert!(store.sessions(platform, &"ann".into(), at(3610)).await.expect("read").is_empty());
    let elsewhere = "moon".into();
    assert!(store.session(&elsewhere, &made.digest, at(11)).await.expect("read").is_none());
}

pub(super) async fn last_seen_moves_once_a_minute(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    let (store, platform) = (scene.store(), &scene.platform);
    let made = scene.sample_session("s", "ann");
    store.create_session(platform, &made, 1).await.expect("open");
    for (seen, expected) in [(at(30), at(10)), (at(71), at(71)), (at(100), at(71)), (at(131), at(131))] {
        store.session(platform, &made.digest, seen).await.expect("read").expect("live");
        let listed = store.sessions(platform, &"ann".into(), seen).await.expect("list");
        assert_eq!(listed[0].last_seen, expected);
    }
}

pub(super) async fn sign_out_of_one_and_of_all(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    let (store, platform) = (scene.store(), &scene.platform);
    for (id, user) in [("s1", "ann"), ("s2", "ann"), ("s3", "ann"), ("t1", "bob")] {
        store.create_session(platform, &scene.sample_session(id, user), 1).await.expect("open");
    }
    let (ann, audit) = ("ann".into(), || scene.audit("session.end", "user:ann", at(20)));
    let ended = store.end_sessions(platform, &ann, Some(&"t1".into()), &audit()).await;
    assert_eq!(ended.expect("end"), 0, "another user's session");
    let ended = store.end_sessions(platform, &ann, Some(&"s1".into()), &audit()).await;
    assert_eq!(ended.expect("end"), 1);
    let ended = store.end_sessions(platform, &ann, Some(&"s1".into()), &audit()).await;
    assert_eq!(ended.expect("end"), 0, "it has ended");
    assert_eq!(store.end_sessions(platform, &ann, None, &audit()).await.expect("end"), 2);
    for id in ["s1", "s2", "s3"] {
        let digest = scene.sample_session(id, "ann").digest;
        assert!(store.session(platform, &digest, at(21)).await.expect("session").is_none());
        assert!(scene.has_kill(SubjectKind::Session, id).await);
    }
    let bobs = scene.sample_session("t1", "bob").digest;
    assert!(store.session(platform, &bobs, at(21)).await.expect("session").is_some());
}

/// Whichever comes first, no session verified under the old password is left.
pub(super) async fn password_change_races_with_sign_in(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    for version in 1..=20_u64 {
        let session = scene.sample_session(&format!("s{version}"), "ann");
        let (opened, set) =
            tokio::join!(scene.store().create_session(&scene.platform, &session, version), async {
                let audit = scene.audit("user.password", "ann", at(20));
                let hash = PasswordHash::new(format!("$argon2id${version}"));
                scene.store().set_password(&scene.platform, &"ann".into(), &hash, version, None, &audit).await
            });
        assert_eq!(set.expect("set_password"), Changed::Done);
        assert!(matches!(opened.expect("open"), Changed::Done | Changed::Conflict));
        let live = scene.store().sessions(&scene.platform, &"ann".into(), at(21)).await.expect("list");
        assert!(live.is_empty(), "round {version}");
    }
}

pub(super) async fn platforms_are_apart(f: &Fixture) {
    let (sun, moon) = (Scene::furnished(f).await, Scene::on(f, "moon"));
    assert!(moon.store().user(&moon.platform, &"ann".into()).await.expect("read").is_none());
    assert!(moon.store().account(&moon.platform, &"a1".into()).await.expect("read").value.is_none());
    assert!(moon.store().credential(&moon.platform, "app").await.expect("read").value.is_none());
    moon.user("ann").await;
    moon.account("a1", Some("ann"), "live").await;
    moon.client("app").await;
    sun.store().issue_token(&sun.sample_issue("t", None)).await.expect("issue");
    assert!(sun.token("t").await.is_some());
    assert!(moon.token("t").await.is_none());
    assert_eq!(moon.counts().await, (0, 0, 0));
}
