//! Refusals, last use, audit, retention.

use super::Fixture;
use super::samples::{DAY, Scene, at};
use crate::{Changed, DecisionRow, IssueToken, MarkKind, Redeemed, StoreError, Used};
use mandate_core::Timestamp;
use mandate_core::grant::GrantSpec;
use mandate_core::legacy::{LegacyCount, LegacyUse};
use mandate_core::model::{Credential, EndReason};
use mandate_core::refresh::Chain;

fn row(scene: &Scene<'_>, id: &str, when: Timestamp) -> DecisionRow {
    DecisionRow {
        id: id.into(),
        platform: scene.platform.clone(),
        at: when,
        cause: "credential.unknown".into(),
        document: format!("{{\"id\":\"{id}\"}}"),
    }
}

pub(super) async fn decisions_are_found_at_once(f: &Fixture) {
    let scene = Scene::new(f);
    for batch in 0..20 {
        let rows: Vec<_> =
            (0..50).map(|i| row(&scene, &format!("d{batch}-{i}"), at(batch * DAY / 4 + i))).collect();
        scene.store().record_decisions(&rows).await.expect("record");
        for wanted in [&rows[0], &rows[49]] {
            let found =
                scene.store().decision(&scene.platform, &wanted.id).await.expect("read").expect("found");
            assert_eq!((&found.id, found.at, &found.cause), (&wanted.id, wanted.at, &wanted.cause));
            assert_eq!((&found.document, &found.platform), (&wanted.document, &scene.platform));
        }
    }
    assert!(scene.store().decision(&scene.platform, &"d0-7".into()).await.expect("read").is_some());
    assert!(scene.store().decision(&scene.platform, &"nobody".into()).await.expect("read").is_none());
    assert!(scene.store().decision(&"moon".into(), &"d0-0".into()).await.expect("read").is_none());
    scene.store().record_decisions(&[]).await.expect("nothing");
}

pub(super) async fn decisions_are_dropped_after_retention(f: &Fixture) {
    let scene = Scene::new(f);
    let rows = [row(&scene, "old", at(0)), row(&scene, "young", at(30 * DAY))];
    scene.store().record_decisions(&rows).await.expect("record");
    scene.store().purge(at(45 * DAY)).await.expect("purge");
    assert!(scene.store().decision(&scene.platform, &"old".into()).await.expect("read").is_none());
    assert!(scene.store().decision(&scene.platform, &"young".into()).await.expect("read").is_some());
}

pub(super) async fn use_is_noted(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    scene.key("K1", "a1").await;
    scene.store().issue_token(&scene.sample_issue("t", None)).await.expect("issue");
    let uses = |s| {
        [(Used::Key("K1".into()), at(s)), (Used::Grant("g1".into()), at(s)), (Used::Key("no".into()), at(s))]
    };
    for s in [100, 50] {
        scene.store().note_use(&scene.platform, &uses(s)).await.expect("note");
    }
    let Some(Credential::Key(facts)) =
        scene.store().credential(&scene.platform, "K1").await.expect("read").value
    else {
        panic!("no key")
    };
    assert_eq!(facts.key.last_used, Some(at(100)), "never moves back");
    let grant = scene.store().grant(&scene.platform, &"g1".into()).await.expect("read").expect("grant");
    assert_eq!(grant.last_used, Some(at(100)));
}

pub(super) async fn legacy_uses_add_up(f: &Fixture) {
    let scene = Scene::new(f);
    let count = |client: &str, what, times, first, last| LegacyCount {
        client: client.into(),
        what,
        times,
        first: at(first),
        last: at(last),
    };
    let (implicit, body) = (LegacyUse::Implicit, LegacyUse::SecretInBody);
    let notes = [
        vec![count("c2", body, 1, 30, 30), count("c1", body, 2, 10, 20)],
        // a node that writes late
        vec![count("c1", body, 3, 5, 15), count("c1", implicit, 1, 40, 40)],
        // the same client twice in one batch
        vec![count("c2", body, 1, 50, 50), count("c2", body, 1, 60, 60)],
        Vec::new(),
    ];
    for counts in &notes {
        scene.store().note_legacy(&scene.platform, counts).await.expect("note");
    }
    let found = scene.store().legacy_uses(&scene.platform).await.expect("read");
    let wanted =
        [count("c1", implicit, 1, 40, 40), count("c1", body, 5, 5, 20), count("c2", body, 3, 30, 60)];
    assert_eq!(found, wanted);
    let elsewhere = scene.store().legacy_uses(&"elsewhere".into()).await.expect("read");
    assert!(elsewhere.is_empty());
}

pub(super) async fn audit_is_written_with_the_change(f: &Fixture) {
    let scene = Scene::new(f);
    scene.user("ann").await;
    let refused = scene.audit("user.create", "ann", at(1));
    let twin = scene.store().create_user(&scene.sample_user("ann"), &refused).await;
    assert_eq!(twin.expect("create"), Changed::Conflict);
    scene.account("a1", Some("ann"), "live").await;
    let records = scene.store().audit_after(0, 100).await.expect("audit");
    assert_eq!(records.len(), 2, "only what was changed");
    assert_eq!((records[0].action.as_str(), records[1].action.as_str()), ("user.create", "account.create"));
    assert!(records[0].number < records[1].number);
    let first = &records[0];
    assert_eq!(
        (first.actor.as_str(), first.subject.as_str(), first.detail.as_str()),
        ("admin:test", "ann", "a=1")
    );
    assert_eq!((&first.platform, first.at), (&Some(scene.platform.clone()), at(0)));
    let rest = scene.store().audit_after(first.number, 100).await.expect("audit");
    assert_eq!(rest.len(), 1);
    assert_eq!(scene.store().audit_after(0, 1).await.expect("audit").len(), 1);
}

/// SECURITY R17.
pub(super) async fn operation_is_committed_once(f: &Fixture) {
    let scene = Scene::new(f);
    let audit = scene.audit("user.create", "ann", at(0));
    let first = scene.store().create_user(&scene.sample_user("ann"), &audit).await;
    assert_eq!(first.expect("create"), Changed::Done);
    let second = scene.store().create_user(&scene.sample_user("bob"), &audit).await;
    assert!(matches!(second, Err(StoreError::Misuse(_))), "{second:?}");
    assert!(scene.store().user(&scene.platform, &"bob".into()).await.expect("read").is_none());
}

pub(super) async fn purge_keeps_what_is_live(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    scene.key("K1", "a1").await;
    scene.key("K2", "a1").await;
    let audit = scene.audit("key.revoke", "K1", at(2));
    scene.store().revoke_key(&scene.platform, &"K1".into(), EndReason::Owner, &audit).await.expect("revoke");
    let mut short = scene.sample_issue("short", None);
    short.token.expires_at = Some(at(3600));
    scene.store().issue_token(&short).await.expect("issue");
    scene.store().issue_token(&scene.sample_issue("long", None)).await.expect("issue");
    scene.store().issue_code(&scene.sample_code("spent", "g1", None)).await.expect("issue_code");
    scene.redeem("spent", &Scene::rule(), "t", at(30)).await;
    scene.store().create_session(&scene.platform, &scene.sample_session("s", "ann"), 1).await.expect("open");
    let other = GrantSpec { client: "app2".into(), ..scene.spec("ended") };
    scene.client("app2").await;
    scene
        .store()
        .issue_token(&IssueToken { grant: other, ..scene.sample_issue("orphan", None) })
        .await
        .expect("issue");
    let audit = scene.audit("grant.revoke", "ended", at(60));
    scene
        .store()
        .revoke_grant(&scene.platform, &"ended".into(), None, EndReason::Operator, &audit)
        .await
        .expect("end");
    scene.store().purge(at(3700)).await.expect("purge");
    assert!(scene.token("orphan").await.is_some(), "its holder may ask for long");
    assert!(scene.token("short").await.is_some(), "expired lately: its holder may still ask why");
    let replay = scene.redeem("spent", &Scene::rule(), "u", at(3700)).await;
    assert!(matches!(replay, Redeemed::Replayed(_)), "a spent code is remembered past its end");
    scene.store().purge(at(399 * DAY)).await.expect("purge");
    assert!(scene.token("short").await.is_none());
    assert!(scene.token("long").await.is_some());
    assert!(matches!(scene.redeem("spent", &Scene::rule(), "u", at(399 * DAY)).await, Redeemed::Unknown));
    assert!(scene.store().credential(&scene.platform, "K1").await.expect("read").value.is_some());
    scene.store().purge(at(402 * DAY)).await.expect("purge");
    assert!(scene.store().credential(&scene.platform, "K1").await.expect("read").value.is_none());
    assert!(scene.store().credential(&scene.platform, "K2").await.expect("read").value.is_some());
    assert!(scene.store().user(&scene.platform, &"ann".into()).await.expect("read").is_some());
    assert!(scene.store().grant(&scene.platform, &"g1".into()).await.expect("read").is_some());
    assert!(scene.store().grant(&scene.platform, &"ended".into()).await.expect("read").is_none());
    let left = scene.store().counts(&scene.platform).await.expect("counts");
    assert_eq!((left.1, left.2), (1, 1), "an ended grant takes its tokens with it: {left:?}");
}

pub(super) async fn purge_drops_what_waited(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    let mark = [Scene::sample_mark(MarkKind::Proof, "a")];
    assert_eq!(scene.mark(&mark).await, None);
    scene.store().purge(at(330 + 3599)).await.expect("purge");
    assert_eq!(scene.mark(&mark).await, Some(MarkKind::Proof), "for an hour past its own time");
    scene.store().purge(at(330 + 3601)).await.expect("purge");
    assert_eq!(scene.mark(&mark).await, None);

    let begin = async |id: &str, idle: Option<Timestamp>, end: Option<Timestamp>| {
        let mut issue = scene.sample_issue(&format!("with {id}"), None);
        issue.stored = false;
        issue.chain = Some(Chain { idle_ends_at: idle, ends_at: end, ..scene.sample_chain(id, at(30)) });
        scene.store().issue_token(&issue).await.expect("issue");
    };
    begin("idle", Some(at(DAY)), Some(at(900 * DAY))).await;
    begin("over", None, Some(at(DAY))).await;
    begin("lasting", None, None).await;
    scene.store().purge(at(40 * DAY)).await.expect("purge");
    assert!(scene.chain("idle").await.is_some() && scene.chain("over").await.is_some(), "kept for a while");
    scene.store().purge(at(42 * DAY)).await.expect("purge");
    assert!(scene.chain("idle").await.is_none() && scene.chain("over").await.is_none());
    assert!(scene.chain("lasting").await.is_some());
    let audit = scene.audit("grant.revoke", "g1", at(50 * DAY));
    let id = "g1".into();
    scene.store().revoke_grant(&scene.platform, &id, None, EndReason::Owner, &audit).await.expect("end");
    scene.store().purge(at(451 * DAY)).await.expect("purge");
    assert!(scene.chain("lasting").await.is_none(), "it goes with its grant");
}

/// A token that is dead through its chain does not outlive it.
pub(super) async fn purge_brings_no_token_back(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    scene.chained().await;
    let audit = scene.audit("chain.end", "c", at(50));
    let (id, client) = ("c".into(), "app".into());
    scene.store().end_chain(&scene.platform, &id, &client, EndReason::Holder, &audit).await.expect("end");
    scene.store().purge(at(399 * DAY)).await.expect("purge");
    assert!(scene.token("t").await.is_some_and(|t| t.token.ended.is_some()), "its holder may ask for long");
    scene.store().purge(at(402 * DAY)).await.expect("purge");
    assert!(scene.chain("c").await.is_none() && scene.token("t").await.is_none());
}
