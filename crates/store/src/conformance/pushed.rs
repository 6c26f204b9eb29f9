//! Pushed authorization requests (RFC 9126).

use super::Fixture;
use super::samples::{DAY, Scene, at};
use crate::{Changed, MarkKind, NewCode, Redeemed};
use mandate_core::Digest;
use mandate_core::pushed::Pushed;
use tokio::task::JoinSet;

fn request(scene: &Scene<'_>, text: &str) -> Pushed {
    Pushed {
        platform: scene.platform.clone(),
        digest: Digest::of(text.as_bytes()),
        client: "app".into(),
        parameters: "scope=data".into(),
        binding: Some("thumb".into()),
        issued_at: at(20),
        expires_at: at(80),
        completed: false,
    }
}

async fn push(scene: &Scene<'_>, text: &str) {
    assert_eq!(scene.store().push_request(&request(scene, text), &[]).await.expect("push"), None);
}

async fn found(scene: &Scene<'_>, text: &str, when: i64) -> Option<Pushed> {
    let digest = Digest::of(text.as_bytes());
    scene.store().pushed(&scene.platform, &digest, at(when)).await.expect("read")
}

fn code(scene: &Scene<'_>, text: &str, completes: &str) -> NewCode {
    let completes = Some(Digest::of(completes.as_bytes()));
    NewCode { completes, ..scene.sample_code(text, "g1", None) }
}

pub(super) async fn kept_until_their_end(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    push(&scene, "r").await;
    assert_eq!(found(&scene, "r", 79).await, Some(request(&scene, "r")));
    assert_eq!(found(&scene, "r", 80).await, None);
    assert_eq!(found(&scene, "q", 30).await, None);
    assert_eq!(found(&Scene::on(f, "moon"), "r", 30).await, None);
    assert!(scene.store().push_request(&request(&scene, "r"), &[]).await.is_err(), "pushed twice");
}

pub(super) async fn completed_with_a_code_once(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    push(&scene, "r").await;
    let mut bound = code(&scene, "code", "r");
    bound.code.binding = Some("thumb".into());
    bound.code.context = "asked".into();
    assert_eq!(scene.store().issue_code(&bound).await.expect("issue"), Some("g1".into()));
    assert_eq!(found(&scene, "r", 30).await, None);
    assert_eq!(scene.store().issue_code(&code(&scene, "code2", "r")).await.expect("issue"), None);
    let mut foreign = code(&scene, "code3", "q");
    foreign.code.client = "app2".into();
    push(&scene, "q").await;
    assert_eq!(scene.store().issue_code(&foreign).await.expect("issue"), None, "another client's");
    assert_eq!(scene.store().issue_code(&code(&scene, "code4", "gone")).await.expect("issue"), None);
    assert_eq!(scene.counts().await, (1, 0, 1), "nothing else was stored");
    let wrong = mandate_core::grant::CodeRule { client: "b".into(), ..Scene::rule() };
    let Redeemed::Refused(_, kept) = scene.redeem("code", &wrong, "t", at(30)).await else {
        panic!("refused")
    };
    assert_eq!((kept.binding.as_deref(), &*kept.context), (Some("thumb"), "asked"));
}

pub(super) async fn denied(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    push(&scene, "r").await;
    let deny = async |text: &str| {
        let digest = Digest::of(text.as_bytes());
        scene.store().complete_pushed(&scene.platform, &digest).await.expect("complete")
    };
    assert_eq!(deny("q").await, Changed::NotFound);
    assert_eq!(deny("r").await, Changed::Done);
    assert_eq!(deny("r").await, Changed::Conflict);
    assert_eq!(found(&scene, "r", 30).await, None);
    assert_eq!(scene.store().issue_code(&code(&scene, "code", "r")).await.expect("issue"), None);
    scene.store().purge(at(2 * DAY)).await.expect("purge");
    assert_eq!(deny("r").await, Changed::NotFound);
}

pub(super) async fn r16_marks_are_spent_with_the_push(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    let marks = [Scene::sample_mark(MarkKind::RequestObject, "jar")];
    let push =
        async |text: &str| scene.store().push_request(&request(&scene, text), &marks).await.expect("push");
    assert_eq!(push("r").await, None);
    assert_eq!(push("q").await, Some(MarkKind::RequestObject));
    assert!(found(&scene, "r", 30).await.is_some() && found(&scene, "q", 30).await.is_none());
}

pub(super) async fn one_of_64_completes(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    push(&scene, "r").await;
    let mut tasks = JoinSet::new();
    for i in 0..64 {
        let (store, code) = (f.store.clone(), code(&scene, &format!("code{i}"), "r"));
        tasks.spawn(async move { store.issue_code(&code).await.expect("issue") });
    }
    assert_eq!(tasks.join_all().await.into_iter().flatten().count(), 1);
    assert_eq!(scene.counts().await.0, 1);
}
