//! Device flows (RFC 8628).

use super::Fixture;
use super::samples::{DAY, Scene, at, scopes};
use crate::{Changed, MarkKind, Minted, Polled};
use mandate_core::Digest;
use mandate_core::device::{DeviceFlow, DeviceState};
use mandate_core::grant::GrantSpec;
use mandate_core::model::EndReason;
use tokio::task::JoinSet;

fn flow(scene: &Scene<'_>, text: &str, user_code: &str) -> DeviceFlow {
    DeviceFlow {
        platform: scene.platform.clone(),
        digest: Digest::of(text.as_bytes()),
        user_code: user_code.into(),
        client: "app".into(),
        scopes: scopes("data trading"),
        context: "{\"a\":1}".into(),
        issued_at: at(20),
        expires_at: at(620),
        interval_ms: 5000,
        last_poll: None,
        state: DeviceState::Pending,
    }
}

async fn begun(scene: &Scene<'_>) {
    let made = scene.store().create_device(&flow(scene, "device", "BCDFGHJK")).await;
    assert_eq!(made.expect("create"), Changed::Done);
}

async fn decide(scene: &Scene<'_>, user_code: &str, spec: Option<&GrantSpec>, when: i64) -> Changed {
    let (offset, audit) = (scene.applied(), scene.audit("device.decide", user_code, at(when)));
    let decided = scene
        .store()
        .decide_device(&scene.platform, user_code, spec, "decided", offset, at(when), &audit)
        .await;
    decided.expect("decide")
}

async fn poll_with(scene: &Scene<'_>, client: &str, minted: &Minted, when: i64) -> Polled {
    let digest = Digest::of(b"device");
    let polled = scene.store().poll_device(&scene.platform, &digest, &client.into(), minted, at(when)).await;
    polled.expect("poll")
}

async fn poll(scene: &Scene<'_>, client: &str, when: i64) -> Polled {
    poll_with(scene, client, &scene.sample_pair("t", "c", true, at(when)), when).await
}

async fn seen(scene: &Scene<'_>, user_code: &str, when: i64) -> Option<DeviceFlow> {
    scene.store().device_by_user_code(&scene.platform, user_code, at(when)).await.expect("read")
}

pub(super) async fn are_kept_as_given(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    begun(&scene).await;
    let twin = scene.store().create_device(&flow(&scene, "device2", "BCDFGHJK")).await;
    assert_eq!(twin.expect("create"), Changed::Conflict, "the user code is in use");
    assert_eq!(seen(&scene, "BCDFGHJK", 30).await, Some(flow(&scene, "device", "BCDFGHJK")));
    assert_eq!(seen(&scene, "BCDFGHJK", 620).await, None);
    assert_eq!(seen(&scene, "XXXXXXXX", 30).await, None);
    let elsewhere = Scene::on(f, "moon");
    assert_eq!(seen(&elsewhere, "BCDFGHJK", 30).await, None);
    assert_eq!(poll(&elsewhere, "app", 30).await, Polled::Unknown);
}

pub(super) async fn decided_once(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    begun(&scene).await;
    let spec = scene.spec("g1");
    assert_eq!(decide(&scene, "XXXXXXXX", Some(&spec), 30).await, Changed::NotFound);
    assert_eq!(decide(&scene, "BCDFGHJK", Some(&spec), 620).await, Changed::NotFound, "too late");
    let (foreign, audit) =
        (GrantSpec { client: "app2".into(), ..spec.clone() }, scene.audit("x", "x", at(30)));
    let wrong = scene.store().decide_device(
        &scene.platform,
        "BCDFGHJK",
        Some(&foreign),
        "",
        scene.applied(),
        at(30),
        &audit,
    );
    assert!(wrong.await.is_err(), "for another client");
    assert_eq!(scene.counts().await.2, 0, "no grant was opened");
    let offset = scene.applied();
    assert_eq!(decide(&scene, "BCDFGHJK", Some(&spec), 30).await, Changed::Done);
    assert_eq!(decide(&scene, "BCDFGHJK", None, 31).await, Changed::Conflict);
    let known = seen(&scene, "BCDFGHJK", 40).await.expect("flow");
    let state = DeviceState::Approved { grant: "g1".into(), context: "decided".into(), offset };
    assert_eq!((known.state, known.scopes), (state, scopes("data")), "what was allowed");
}

pub(super) async fn handed_out_once(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    begun(&scene).await;
    assert_eq!(poll(&scene, "app", 30).await, Polled::Pending);
    assert_eq!(scene.counts().await, (0, 0, 0));
    decide(&scene, "BCDFGHJK", Some(&scene.spec("g1")), 32).await;
    let then = scene.applied();
    scene.client("app3").await;
    assert_eq!(poll(&scene, "app3", 33).await, Polled::OtherClient);
    let polled = poll(&scene, "app", 33).await;
    let Polled::Approved { grant, scopes: given, context, offset } = polled else { panic!("{polled:?}") };
    assert_eq!((grant.as_str(), given, &*context), ("g1", scopes("data"), "decided"));
    let (token, chain) = (scene.token("t").await.expect("token").token, scene.chain("c").await.expect("c"));
    assert_eq!(
        (token.grant.as_str(), &token.scopes, &token.chain),
        ("g1", &scopes("data"), &Some("c".into()))
    );
    assert_eq!((chain.client.as_str(), chain.grant.as_str(), chain.scopes), ("app", "g1", scopes("data")));
    assert!(token.offset == offset && chain.offset == offset && offset <= then, "r10");
    assert_eq!(poll(&scene, "app", 700).await, Polled::Spent);
    assert_eq!(scene.counts().await.1, 1);
}

pub(super) async fn polled_too_fast(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    begun(&scene).await;
    for (when, expected) in [
        (30, Polled::Pending),
        (34, Polled::SlowDown(10_000)),
        (43, Polled::SlowDown(15_000)),
        (58, Polled::Pending),
    ] {
        assert_eq!(poll(&scene, "app", when).await, expected, "at {when}");
    }
    let known = seen(&scene, "BCDFGHJK", 60).await.expect("flow");
    assert_eq!((known.interval_ms, known.last_poll), (15_000, Some(at(58))));
}

pub(super) async fn denied_and_expired(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    begun(&scene).await;
    assert_eq!(poll(&scene, "app", 620).await, Polled::Expired);
    assert_eq!(decide(&scene, "BCDFGHJK", None, 30).await, Changed::Done);
    assert_eq!(poll(&scene, "app", 40).await, Polled::Denied);
    assert_eq!(poll(&scene, "app", 620).await, Polled::Expired);
    assert_eq!(scene.counts().await, (0, 0, 0));
    // what somebody still holds is left for the next time, and a poll may be letting go of it just now
    for _ in 0..50 {
        scene.store().purge(at(2 * DAY)).await.expect("purge");
        if poll(&scene, "app", 2 * DAY).await == Polled::Unknown {
            return;
        }
    }
    panic!("an expired flow stays");
}

pub(super) async fn end_with_their_grant(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    begun(&scene).await;
    decide(&scene, "BCDFGHJK", Some(&scene.spec("g1")), 30).await;
    let audit = scene.audit("grant.revoke", "g1", at(31));
    let id = "g1".into();
    let revoked = scene.store().revoke_grant(&scene.platform, &id, None, EndReason::Owner, &audit).await;
    assert_eq!(revoked.expect("revoke"), Changed::Done);
    assert_eq!(poll(&scene, "app", 40).await, Polled::GrantEnded);
    assert!(scene.token("t").await.is_none() && scene.chain("c").await.is_none());
}

pub(super) async fn r16_marks_are_spent_with_the_poll(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    begun(&scene).await;
    let mark = Scene::sample_mark(MarkKind::Proof, "proof");
    let minted = Minted { marks: vec![mark.clone()], ..scene.sample_pair("t", "c", false, at(40)) };
    assert_eq!(poll_with(&scene, "app", &minted, 30).await, Polled::Pending, "spends none");
    decide(&scene, "BCDFGHJK", Some(&scene.spec("g1")), 31).await;
    assert_eq!(scene.mark(&[mark]).await, None);
    assert_eq!(poll_with(&scene, "app", &minted, 40).await, Polled::Reused(MarkKind::Proof));
    assert!(scene.chain("c").await.is_none());
    let fresh = Minted { marks: vec![Scene::sample_mark(MarkKind::Proof, "next")], ..minted };
    assert!(matches!(poll_with(&scene, "app", &fresh, 45).await, Polled::Approved { .. }));
    assert_eq!((scene.counts().await.1, scene.chain("c").await.is_some()), (0, true), "it signs for itself");
}

pub(super) async fn one_of_64_is_approved(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    begun(&scene).await;
    decide(&scene, "BCDFGHJK", Some(&scene.spec("g1")), 30).await;
    let mut tasks = JoinSet::new();
    for i in 0..64 {
        let (store, platform) = (f.store.clone(), scene.platform.clone());
        let minted = scene.sample_pair(&format!("t{i}"), &format!("c{i}"), true, at(40));
        tasks.spawn(async move {
            let digest = Digest::of(b"device");
            store.poll_device(&platform, &digest, &"app".into(), &minted, at(40)).await.expect("poll")
        });
    }
    let outcomes = tasks.join_all().await;
    assert_eq!(outcomes.iter().filter(|p| matches!(p, Polled::Approved { .. })).count(), 1);
    assert_eq!(outcomes.iter().filter(|p| **p == Polled::Spent).count(), 63);
    assert_eq!(scene.counts().await.1, 1);
}
