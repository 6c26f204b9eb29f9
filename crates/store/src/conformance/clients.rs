//! Clients and their secrets.

use super::Fixture;
use super::samples::{DAY, Scene, at, scopes};
use crate::{Changed, ClientChange};
use mandate_core::SubjectKind;
use mandate_core::log::Effect;
use mandate_core::model::{Client, ClientOwner, Credential, SecretUse, Status};
use mandate_core::{ClientSettings, Digest, Offset};
use std::sync::Arc;

async fn found(scene: &Scene<'_>, id: &str) -> Arc<Client> {
    match scene.store().credential(&scene.platform, id).await.expect("read").value {
        Some(Credential::Client(client)) => client,
        other => panic!("{id} is {other:?}"),
    }
}

pub(super) async fn keep_all_they_were_given(f: &Fixture) {
    let scene = Scene::new(f);
    let made = scene.client("app").await;
    assert_eq!(format!("{:?}", found(&scene, "app").await), format!("{made:?}"));
    let bare = Client {
        owner: ClientOwner::Partner("dawn".into()),
        redirect_uris: vec![],
        licences: vec![],
        visible_to: vec![],
        secrets: vec![],
        scopes: scopes(""),
        active_from: Some(at(5)),
        expires_at: None,
        ..scene.sample_client("bare")
    };
    let audit = scene.audit("client.create", "bare", at(0));
    assert_eq!(scene.store().create_client(&bare, &audit).await.expect("create"), Changed::Done);
    assert_eq!(format!("{:?}", found(&scene, "bare").await), format!("{bare:?}"));
    let listed = scene.store().clients(&scene.platform).await.expect("clients");
    assert_eq!(format!("{listed:?}"), format!("{:?}", [made, bare]));
    let audit = scene.audit("client.create", "bare", at(0));
    assert_eq!(
        scene.store().create_client(listed.last().expect("one"), &audit).await.expect("create"),
        Changed::Conflict
    );
}

pub(super) async fn change_field_by_field(f: &Fixture) {
    let scene = Scene::new(f);
    let made = scene.client("app").await;
    let change = ClientChange {
        live_trading_approved: Some(true),
        redirect_uris: Some(vec!["https://new.example/cb".into()]),
        scopes: Some(scopes("data")),
        licences: Some(vec![]),
        visible_to: Some(vec!["dawn".into()]),
        name: Some("New".into()),
        requires_pkce: Some(true),
        ..ClientChange::default()
    };
    for (id, expected) in [("nobody", Changed::NotFound), ("app", Changed::Done)] {
        let audit = scene.audit("client.change", id, at(3));
        let done = scene.store().change_client(&scene.platform, &id.into(), &change, &audit).await;
        assert_eq!(done.expect("change"), expected);
    }
    let expected = Client {
        live_trading_approved: true,
        redirect_uris: vec!["https://new.example/cb".into()],
        scopes: scopes("data"),
        licences: vec![],
        visible_to: vec!["dawn".into()],
        name: "New".into(),
        settings: ClientSettings { requires_pkce: true, ..ClientSettings::default() },
        ..made
    };
    assert_eq!(format!("{:?}", found(&scene, "app").await), format!("{expected:?}"));
    let entry = scene.newest(SubjectKind::Client, "app").await.expect("entry");
    assert_eq!((entry.effect, entry.at), (Effect::Change, at(3)));
}

/// SECURITY R10: enabling again does not raise the dead.
pub(super) async fn disabling_kills_for_good(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    scene.store().issue_token(&scene.sample_issue("old", None)).await.expect("issue");
    let mut kill = Offset(0);
    for (status, when) in [(Status::Disabled, at(5)), (Status::Active, at(6))] {
        let change = ClientChange { status: Some(status), ..ClientChange::default() };
        let audit = scene.audit("client.status", "app", when);
        let done = scene.store().change_client(&scene.platform, &"app".into(), &change, &audit).await;
        assert_eq!(done.expect("change"), Changed::Done);
        let client = found(&scene, "app").await;
        assert_eq!((client.status, client.status_since), (status, when));
        let entry = scene.newest(SubjectKind::Client, "app").await.expect("entry");
        if status == Status::Disabled {
            assert_eq!(entry.effect, Effect::Kill);
            kill = entry.offset;
        } else {
            assert_eq!(entry.effect, Effect::Change);
        }
        assert_eq!(client.kill, kill);
    }
    scene.store().issue_token(&scene.sample_issue("new", None)).await.expect("issue");
    let (old, new) = (scene.token("old").await.expect("old"), scene.token("new").await.expect("new"));
    assert!(old.client.kill > old.token.offset, "dead for good");
    assert!(new.client.kill <= new.token.offset, "made after the kill");
}

pub(super) async fn secrets_rotate(f: &Fixture) {
    let scene = Scene::new(f);
    scene.client("app").await;
    let add = async |id: &str, text: &str, partner: Option<&str>, when, end| {
        let (secret, audit) =
            (Scene::sample_secret(text, partner, when), scene.audit("client.secret", id, when));
        scene.store().add_client_secret(&scene.platform, &id.into(), &secret, end, &audit).await.expect("add")
    };
    assert_eq!(add("nobody", "s2", None, at(DAY), None).await, Changed::NotFound);
    assert_eq!(add("app", "s2", None, at(DAY), None).await, Changed::Done);
    assert_eq!(add("app", "s3", None, at(2 * DAY), None).await, Changed::TooMany);
    assert_eq!(
        add("app", "d2", Some("dawn"), at(2 * DAY), None).await,
        Changed::Done,
        "each partner counts apart"
    );
    assert_eq!(add("app", "s3", None, at(2 * DAY), Some(at(3 * DAY))).await, Changed::Done);
    let client = found(&scene, "app").await;
    let works = |text: &str, when| client.secret_matches(&Digest::of(text.as_bytes()), SecretUse::Own, when);
    assert!(works("s1", at(3 * DAY - 1)) && !works("s1", at(3 * DAY)), "the older one overlaps, then ends");
    assert!(works("s2", at(9 * DAY)) && works("s3", at(9 * DAY)));
    assert!(!works("d2", at(9 * DAY)), "a partner's secret is not the client's own");
    let dawn = mandate_core::PartnerId::new("dawn");
    assert!(client.secret_matches(&Digest::of(b"d2"), SecretUse::Partner(&dawn), at(9 * DAY)));
    assert_eq!(add("app", "s4", None, at(4 * DAY), None).await, Changed::TooMany);
    let entry = scene.newest(SubjectKind::Client, "app").await.expect("entry");
    assert_eq!(entry.effect, Effect::Change);
}
