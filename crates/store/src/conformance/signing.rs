//! Signing keys and MAC keys: one line of succession for each algorithm (DESIGN D6, SECURITY R2).

use super::Fixture;
use super::samples::{Scene, at};
use crate::{Changed, SigningKeyRow};
use mandate_core::SubjectKind;
use mandate_core::log::Effect;
use mandate_core::succession::{MAC, MAC_LINGERS_MS, Schedule, Turn};
use tokio::task::JoinSet;

const LIVES: Option<i64> = Some(60_000);
const NEVER: Turn = Turn::Due(Schedule { rotate_ms: None, publish_ms: 0 });

fn key(scene: &Scene<'_>, kid: &str, alg: &str, made: i64) -> SigningKeyRow {
    SigningKeyRow {
        platform: scene.platform.clone(),
        kid: kid.into(),
        alg: alg.into(),
        wrapped: vec![1, 2, 3],
        public: format!("{{\"kid\":\"{kid}\"}}").into(),
        created_at: at(made),
        active_from: at(made),
        retires_at: None,
        gone_at: None,
    }
}

async fn turn(scene: &Scene<'_>, offered: &SigningKeyRow, turn: &Turn, when: i64) -> Changed {
    let audit = scene.audit("signing_key.turn", &offered.kid, at(when));
    let lives = if *offered.alg == *MAC { None } else { LIVES };
    scene.store().turn_signing_keys(offered, turn, lives, &audit).await.expect("turn")
}

async fn kept(scene: &Scene<'_>) -> Vec<SigningKeyRow> {
    scene.store().signing_keys(&scene.platform).await.expect("keys")
}

fn rotate(after_s: i64) -> Turn {
    Turn::Rotate { after_ms: after_s * 1000 }
}

pub(super) async fn follow_each_other(f: &Fixture) {
    let scene = Scene::new(f);
    assert_eq!(turn(&scene, &key(&scene, "k1", "ES256", 10), &NEVER, 10).await, Changed::Done);
    assert_eq!(
        turn(&scene, &key(&scene, "k2", "ES256", 10), &NEVER, 10).await,
        Changed::Conflict,
        "there is one"
    );
    assert_eq!(
        turn(&scene, &key(&scene, "k1", "EdDSA", 10), &NEVER, 10).await,
        Changed::Conflict,
        "id taken"
    );
    assert_eq!(turn(&scene, &key(&scene, "k3", "EdDSA", 10), &NEVER, 10).await, Changed::Done);
    assert_eq!(kept(&scene).await, [key(&scene, "k1", "ES256", 10), key(&scene, "k3", "EdDSA", 10)]);

    let head = scene.applied();
    assert_eq!(turn(&scene, &key(&scene, "k4", "ES256", 20), &rotate(100), 20).await, Changed::Done);
    let old =
        SigningKeyRow { retires_at: Some(at(120)), gone_at: Some(at(180)), ..key(&scene, "k1", "ES256", 10) };
    let new = SigningKeyRow { active_from: at(120), ..key(&scene, "k4", "ES256", 20) };
    assert_eq!(
        kept(&scene).await,
        [old.clone(), key(&scene, "k3", "EdDSA", 10), new],
        "of its algorithm alone"
    );
    assert!(
        scene.applied() > head && scene.newest(SubjectKind::Platform, "sun").await.is_some(),
        "all nodes hear of it"
    );

    // brought forward, the offered key is not needed
    assert_eq!(turn(&scene, &key(&scene, "k5", "ES256", 30), &rotate(0), 30).await, Changed::Done);
    let times: Vec<_> =
        kept(&scene).await.iter().map(|k| (k.kid.clone(), k.active_from, k.retires_at)).collect();
    assert_eq!(
        times,
        [("k1".into(), at(10), Some(at(30))), ("k3".into(), at(10), None), ("k4".into(), at(30), None)]
    );
    let retire = Turn::Retire { kid: "k3".into() };
    assert_eq!(
        turn(&scene, &key(&scene, "k6", "ES256", 40), &retire, 40).await,
        Changed::NotFound,
        "of another algorithm"
    );
    assert!(scene.store().signing_keys(&"moon".into()).await.expect("keys").is_empty());
    assert_eq!(
        scene.store().audit_after(0, 10).await.expect("audit").len(),
        4,
        "what changed nothing left no record"
    );
    assert!(!format!("{:?}", kept(&scene).await).contains("wrapped"), "r04");
}

/// Nodes that turn keys at once make one key of each algorithm: at the start, and when a successor is due.
pub(super) async fn one_successor_under_a_race(f: &Fixture) {
    let scene = Scene::new(f);
    let schedule = Schedule { rotate_ms: Some(1_000_000), publish_ms: 100_000 };
    for (round, when) in [10, 950].into_iter().enumerate() {
        let mut tasks = JoinSet::new();
        for i in 0..64 {
            let alg = if i % 2 == 0 { "ES256" } else { "EdDSA" };
            let (store, key) = (f.store.clone(), key(&scene, &format!("k{round} {i}"), alg, when));
            let audit = scene.audit("signing_key.turn", &key.kid, at(when));
            let act = Turn::Due(schedule);
            tasks.spawn(
                async move { store.turn_signing_keys(&key, &act, LIVES, &audit).await.expect("turn") },
            );
        }
        let done = tasks.join_all().await.into_iter().filter(|c| *c == Changed::Done).count();
        assert_eq!((done, kept(&scene).await.len()), (2, 2 * (round + 1)));
    }
}

/// A key that is no longer believed is a kill that every node hears, and that a new node reads.
pub(super) async fn distrust_kills(f: &Fixture) {
    let scene = Scene::new(f);
    turn(&scene, &key(&scene, "k1", "ES256", 10), &NEVER, 10).await;
    let distrust = Turn::Distrust { kid: "k1".into() };
    assert_eq!(turn(&scene, &key(&scene, "k2", "ES256", 20), &distrust, 20).await, Changed::Done);
    assert_eq!(turn(&scene, &key(&scene, "k3", "ES256", 21), &distrust, 21).await, Changed::Conflict, "once");
    let kills = scene.store().kills_since(at(0)).await.expect("kills");
    let kill = kills.iter().find(|e| e.subject.kind == SubjectKind::SigningKey).expect("a kill");
    assert_eq!((&*kill.subject.id, kill.effect), ("k1", Effect::Kill));
    let kept = kept(&scene).await;
    assert_eq!((kept[0].retires_at, kept[0].gone_at), (Some(at(20)), Some(at(20))));
    assert_eq!((&*kept[1].kid, kept[1].active_from), ("k2", at(20)), "its successor signs in the same step");
}

/// A MAC key ends only when no live chain names it, and a chain names the key of its current generation.
pub(super) async fn r02_mac_keys_wait_for_their_chains(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    turn(&scene, &key(&scene, "3", MAC, 10), &NEVER, 10).await;
    scene.chained().await;
    turn(&scene, &key(&scene, "4", MAC, 40), &rotate(0), 40).await;
    let later = 40 + MAC_LINGERS_MS / 1000;
    let end = async |kid: &str, when: i64| {
        let audit = scene.audit("signing_key.end", kid, at(when));
        scene.store().end_mac_key(&scene.platform, kid, &audit).await.expect("end")
    };
    assert_eq!(end("3", later).await, Changed::Conflict, "a chain names it");
    let mut rule = Scene::refresh(mandate_core::refresh::RefreshMode::Idempotent, 0);
    rule.key = 4;
    scene.rotate(&rule, "t1", at(50)).await;
    assert_eq!(scene.chain("c").await.map(|c| c.key), Some(4));
    assert_eq!(end("3", later - 1).await, Changed::NotFound, "another node may still begin one with it");
    assert_eq!(end("4", later).await, Changed::Conflict);
    assert_eq!(end("3", later).await, Changed::Done);
    assert_eq!(end("3", later).await, Changed::NotFound);
    assert_eq!(kept(&scene).await[0].gone_at, Some(at(later)));
}

/// A MAC key that is no longer believed takes its chains along, and no others.
pub(super) async fn r02_distrusted_mac_keys_end_their_chains(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    turn(&scene, &key(&scene, "3", MAC, 10), &NEVER, 10).await;
    scene.chained().await;
    turn(&scene, &key(&scene, "4", MAC, 40), &rotate(0), 40).await;
    let distrust = |kid: &str| Turn::Distrust { kid: kid.into() };
    assert_eq!(turn(&scene, &key(&scene, "5", MAC, 50), &distrust("4"), 50).await, Changed::Done);
    assert_eq!(scene.chain("c").await.map(|c| c.ended.is_some()), Some(false));
    assert_eq!(turn(&scene, &key(&scene, "6", MAC, 60), &distrust("3"), 60).await, Changed::Done);
    assert_eq!(scene.chain("c").await.map(|c| c.ended.is_some()), Some(true));
    assert!(scene.newest(SubjectKind::Token, "c").await.is_some(), "its access tokens end with it");
}
