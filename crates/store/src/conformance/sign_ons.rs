//! Machines that sign on (SECURITY R5, R10, R16, R17).

use super::Fixture;
use super::samples::{DAY, Scene, at, scopes};
use crate::{Changed, ClientChange, MarkKind, Rotated, SignOn, SignedOn};
use mandate_core::grant::{GrantSpec, LiveSession, SignOnRule};
use mandate_core::log::Effect;
use mandate_core::model::{EndReason, Ended, PasswordHash, Status, User, UserKind};
use mandate_core::refresh::{Chain, RefreshMode, RefreshRule, Repeats};
use mandate_core::{SubjectKind, Timestamp};
use tokio::task::JoinSet;

/// With machine `m`, which may have so many sign-ons at once.
async fn scene(f: &Fixture, sessions: u32) -> Scene<'_> {
    let scene = Scene::furnished(f).await;
    scene.client("app2").await;
    let machine = User { kind: UserKind::Machine { sessions }, ..scene.sample_user("m") };
    let audit = scene.audit("user.create", "m", at(0));
    assert_eq!(scene.store().create_user(&machine, &audit).await.expect("create"), Changed::Done);
    scene
}

fn sample(scene: &Scene<'_>, id: &str, client: &str, exclusive: bool, when: Timestamp) -> SignOn {
    let mut minted = scene.sample_pair(&format!("token of {id}"), id, true, when);
    minted.chain = minted.chain.map(|chain| Chain {
        repeats: Repeats { answered_to: "192.0.2.0/24".into(), ..Repeats::default() },
        ..chain
    });
    SignOn {
        grant: GrantSpec {
            client: client.into(),
            user: Some("m".into()),
            accounts: vec![],
            ..scene.spec(&format!("grant of {client}"))
        },
        rule: SignOnRule { password_version: 1, exclusive },
        new_password: None,
        scopes: scopes("data"),
        minted,
        audit: scene.audit("session.sign_on", "user:m", when),
    }
}

async fn sign_on(scene: &Scene<'_>, new: &SignOn) -> SignedOn {
    scene.store().sign_on(new).await.expect("sign_on")
}

async fn live(scene: &Scene<'_>, now: Timestamp) -> Vec<String> {
    let live = scene.store().sign_ons(&scene.platform, &"m".into(), now).await.expect("sign_ons");
    live.iter().map(|session| session.id.to_string()).collect()
}

fn ids(sessions: &[LiveSession]) -> Vec<&str> {
    sessions.iter().map(|session| session.id.as_str()).collect()
}

pub(super) async fn machines_are_kept_as_made(f: &Fixture) {
    let scene = scene(f, 5).await;
    let (store, platform) = (scene.store(), &scene.platform);
    let machine = store.user_by_name(platform, "m@example").await.expect("read").expect("found");
    assert_eq!(machine.kind, UserKind::Machine { sessions: 5 });
    assert_eq!(store.user(platform, &"m".into()).await.expect("read").map(|u| u.kind), Some(machine.kind));
    let kinds: Vec<_> = store.users(platform).await.expect("users").iter().map(|u| u.kind.as_str()).collect();
    assert_eq!(kinds, ["person", "person", "machine"]);
}

pub(super) async fn quotas_are_changed(f: &Fixture) {
    let scene = scene(f, 1).await;
    let set = async |user: &str, sessions| {
        let audit = scene.audit("user.change", user, at(30));
        scene.store().set_user_sessions(&scene.platform, &user.into(), sessions, &audit).await.expect("set")
    };
    sign_on(&scene, &sample(&scene, "c1", "app", false, at(30))).await;
    assert_eq!(set("m", 2).await, Changed::Done);
    assert!(scene.newest(SubjectKind::User, "m").await.is_some());
    let second = sign_on(&scene, &sample(&scene, "c2", "app", false, at(31))).await;
    assert!(matches!(second, SignedOn::Done { .. }), "{second:?}");
    assert_eq!(set("m", 1).await, Changed::Done);
    assert_eq!(live(&scene, at(32)).await, ["c1", "c2"], "those that are live go on");
    let third = sign_on(&scene, &sample(&scene, "c3", "app", false, at(32))).await;
    assert!(matches!(third, SignedOn::QuotaReached { quota: 1, .. }), "{third:?}");
    assert_eq!((set("ann", 2).await, set("nobody", 2).await), (Changed::Conflict, Changed::NotFound));
}

pub(super) async fn r05_machines_have_no_browser_sessions(f: &Fixture) {
    let scene = scene(f, 1).await;
    let opened = scene.store().create_session(&scene.platform, &scene.sample_session("s", "m"), 1).await;
    assert_eq!(opened.expect("open"), Changed::Conflict);
}

pub(super) async fn counted_over_all_clients(f: &Fixture) {
    let scene = scene(f, 2).await;
    let first = sign_on(&scene, &sample(&scene, "c1", "app", false, at(30))).await;
    let SignedOn::Done { grant, displaced } = first else { panic!("{first:?}") };
    assert_eq!((grant.as_str(), displaced.len()), ("grant of app", 0));
    let chain = scene.chain("c1").await.expect("chain");
    assert_eq!((chain.grant.as_str(), chain.client.as_str()), ("grant of app", "app"));
    assert_eq!((&*chain.repeats.answered_to, chain.scopes), ("192.0.2.0/24", scopes("data")));
    let token = scene.token("token of c1").await.expect("token");
    assert_eq!((token.token.chain, token.grant.user.clone()), (Some("c1".into()), Some("m".into())));

    let second = sign_on(&scene, &sample(&scene, "c2", "app2", false, at(31))).await;
    assert!(matches!(second, SignedOn::Done { .. }), "{second:?}");
    let third = sign_on(&scene, &sample(&scene, "c3", "app", false, at(32))).await;
    let SignedOn::QuotaReached { quota, live: there } = third else { panic!("{third:?}") };
    assert_eq!((quota, ids(&there)), (2, vec!["c1", "c2"]));
    let seen = (&there[1].client, there[1].since, &*there[1].from);
    assert_eq!(seen, (&"app2".into(), at(31), "192.0.2.0/24"));
    assert!(scene.chain("c3").await.is_none() && scene.token("token of c3").await.is_none());

    // another user's sign-ons are not its own
    let audit = scene.audit("user.create", "n", at(0));
    let other = User { kind: UserKind::Machine { sessions: 1 }, ..scene.sample_user("n") };
    scene.store().create_user(&other, &audit).await.expect("create");
    let mut others = sample(&scene, "c4", "app", false, at(33));
    others.grant.user = Some("n".into());
    others.grant.new_id = "grant of n".into();
    assert!(matches!(sign_on(&scene, &others).await, SignedOn::Done { .. }));
}

pub(super) async fn sign_ons_that_are_over_do_not_count(f: &Fixture) {
    let scene = scene(f, 1).await;
    let idle = at(30 + 30 * DAY);
    sign_on(&scene, &sample(&scene, "c1", "app", false, at(30))).await;
    let early = sample(&scene, "c2", "app", false, at(30 + 30 * DAY - 1));
    assert!(matches!(sign_on(&scene, &early).await, SignedOn::QuotaReached { .. }));
    let second = sign_on(&scene, &sample(&scene, "c2", "app", false, idle)).await;
    assert!(matches!(second, SignedOn::Done { .. }), "the first was not used for too long: {second:?}");

    // used and used, until its day
    let mut now = idle;
    for generation in 0..3 {
        now = now.plus_seconds(29 * DAY);
        let rule = Scene::refresh(RefreshMode::Idempotent, generation);
        let minted = scene.sample_minted(&format!("t{generation}"), now);
        let rotated =
            f.store.rotate_refresh(&scene.platform, &"c2".into(), &rule, &scopes("data"), &minted, now).await;
        assert!(matches!(rotated, Ok(Rotated::Answered { .. })), "{rotated:?}");
        assert_eq!(live(&scene, now).await, ["c2"]);
    }
    let day = idle.plus_seconds(90 * DAY);
    assert_eq!(live(&scene, day.plus_millis(-1)).await, ["c2"]);
    assert!(live(&scene, day).await.is_empty());
    let third = sign_on(&scene, &sample(&scene, "c3", "app", false, day)).await;
    assert!(matches!(third, SignedOn::Done { .. }), "{third:?}");

    // given back
    let audit = scene.audit("token.revoke", "c3", day);
    let (platform, chain, client) = (&scene.platform, "c3".into(), "app".into());
    let ended = f.store.end_chain(platform, &chain, &client, EndReason::Holder, &audit).await;
    assert_eq!(ended.expect("end"), Changed::Done);
    let fourth = sign_on(&scene, &sample(&scene, "c4", "app", false, day)).await;
    let SignedOn::Done { grant, .. } = fourth else { panic!("{fourth:?}") };

    // what it hangs from ended
    let audit = scene.audit("grant.revoke", "g", day);
    f.store.revoke_grant(&scene.platform, &grant, None, EndReason::Operator, &audit).await.expect("revoke");
    let mut fifth = sample(&scene, "c5", "app", false, day);
    fifth.grant.new_id = "second grant of app".into();
    assert!(matches!(sign_on(&scene, &fifth).await, SignedOn::Done { .. }));
    for status in [Status::Disabled, Status::Active] {
        let change = ClientChange { status: Some(status), ..ClientChange::default() };
        let audit = scene.audit("client.status", "app", day);
        f.store.change_client(&scene.platform, &"app".into(), &change, &audit).await.expect("change");
    }
    assert!(live(&scene, day).await.is_empty());
}

pub(super) async fn r10_the_displaced_end_at_once(f: &Fixture) {
    let scene = scene(f, 2).await;
    for (id, client) in [("c1", "app"), ("c2", "app2")] {
        sign_on(&scene, &sample(&scene, id, client, false, at(30))).await;
    }
    let third = sign_on(&scene, &sample(&scene, "c3", "app", true, at(40))).await;
    let SignedOn::Done { displaced, .. } = third else { panic!("{third:?}") };
    assert_eq!(ids(&displaced), ["c1", "c2"]);
    let ended = Some(Ended { at: at(40), reason: EndReason::Displaced, successor: Some("c3".into()) });
    for id in ["c1", "c2"] {
        assert_eq!(scene.chain(id).await.map(|chain| chain.ended), Some(ended.clone()));
        let entry =
            scene.newest(SubjectKind::Token, id).await.expect("signed tokens of it are dead everywhere");
        assert_eq!((entry.effect, entry.reason), (Effect::Kill, Some(EndReason::Displaced)), "and say why");
        let token = scene.token(&format!("token of {id}")).await.expect("token").token;
        assert_eq!(token.ended, ended, "it knows what took its place");
    }
    assert_eq!(live(&scene, at(41)).await, ["c3"]);
    assert!(scene.token("token of c3").await.is_some_and(|t| t.token.ended.is_none() && t.killed.is_none()));
    let refused = scene.store();
    let rule = RefreshRule { client: "app".into(), ..Scene::refresh(RefreshMode::Idempotent, 0) };
    let minted = scene.sample_minted("late", at(41));
    let rotated =
        refused.rotate_refresh(&scene.platform, &"c1".into(), &rule, &scopes("data"), &minted, at(41)).await;
    let Ok(Rotated::Ended(chain)) = rotated else { panic!("{rotated:?}") };
    assert_eq!(chain.ended, ended);
    let back = refused.displaced(&scene.platform, &"c3".into()).await.expect("displaced");
    assert_eq!(ids(&back), ["c1", "c2"], "and back");
    let audit = refused.audit_after(0, 1000).await.expect("audit");
    assert_eq!(audit.iter().filter(|a| a.action == "session.sign_on").count(), 1, "only what ends something");

    // below the quota the exclusive take the place of all others too; those that are not, of nobody
    let fourth = sign_on(&scene, &sample(&scene, "c4", "app2", true, at(42))).await;
    let SignedOn::Done { displaced, .. } = fourth else { panic!("{fourth:?}") };
    assert_eq!(ids(&displaced), ["c3"]);
    let fifth = sign_on(&scene, &sample(&scene, "c5", "app", false, at(43))).await;
    assert!(matches!(fifth, SignedOn::Done { displaced, .. } if displaced.is_empty()));
    assert_eq!(live(&scene, at(44)).await, ["c4", "c5"]);
}

pub(super) async fn changes_since_the_password_was_verified_count(f: &Fixture) {
    let scene = scene(f, 1).await;
    let stale = |id| SignOn {
        rule: SignOnRule { password_version: 0, exclusive: true },
        ..sample(&scene, id, "app", true, at(30))
    };
    assert_eq!(sign_on(&scene, &stale("c1")).await, SignedOn::NotVerified);
    for user in ["ann", "nobody"] {
        let mut other = sample(&scene, "c1", "app", true, at(30));
        other.grant.user = Some(user.into());
        assert_eq!(sign_on(&scene, &other).await, SignedOn::NotVerified, "{user}");
    }
    let off = User {
        kind: UserKind::Machine { sessions: 1 },
        status: Status::Disabled,
        ..scene.sample_user("off")
    };
    scene.store().create_user(&off, &scene.audit("user.create", "off", at(0))).await.expect("create");
    let mut disabled = sample(&scene, "c1", "app", true, at(30));
    disabled.grant.user = Some("off".into());
    assert_eq!(sign_on(&scene, &disabled).await, SignedOn::NotVerified);
    assert!(scene.chain("c1").await.is_none());
}

pub(super) async fn passwords_change_with_the_sign_on(f: &Fixture) {
    let scene = scene(f, 2).await;
    let new = PasswordHash::new("$argon2id$2");
    sign_on(&scene, &sample(&scene, "c1", "app", false, at(30))).await;
    let change = SignOn { new_password: Some(new.clone()), ..sample(&scene, "c2", "app", false, at(40)) };
    assert!(matches!(sign_on(&scene, &change).await, SignedOn::Done { .. }));
    let machine = scene.store().user(&scene.platform, &"m".into()).await.expect("read").expect("found");
    assert_eq!((machine.password, machine.password_version), (Some(new), 2));
    let entry = scene.newest(SubjectKind::User, "m").await.expect("those who remember it hear of it");
    assert_eq!(entry.effect, mandate_core::log::Effect::Change);
    let ended = scene.chain("c1").await.and_then(|chain| chain.ended).expect("the others end");
    assert_eq!((ended.reason, ended.successor), (EndReason::SignedOut, None));
    assert_eq!(live(&scene, at(41)).await, ["c2"]);
    let stale = sample(&scene, "c3", "app", false, at(42));
    assert_eq!(sign_on(&scene, &stale).await, SignedOn::NotVerified, "the old password");

    // by an operator: all of them end
    let audit = scene.audit("user.password", "m", at(50));
    let third = PasswordHash::new("$argon2id$3");
    let set = scene.store().set_password(&scene.platform, &"m".into(), &third, 2, None, &audit).await;
    assert_eq!(set.expect("set"), Changed::Done);
    assert!(live(&scene, at(51)).await.is_empty());
    let newest = scene.newest(SubjectKind::User, "m").await.expect("heard of");
    assert!(newest.offset > entry.offset);

    // a refusal changes nothing
    let rule = SignOnRule { password_version: 3, exclusive: false };
    for id in ["c4", "c5"] {
        let on = SignOn { rule, ..sample(&scene, id, "app", false, at(60)) };
        assert!(matches!(sign_on(&scene, &on).await, SignedOn::Done { .. }));
    }
    let full = SignOn {
        rule,
        new_password: Some(PasswordHash::new("$argon2id$4")),
        ..sample(&scene, "c6", "app", false, at(61))
    };
    assert!(matches!(sign_on(&scene, &full).await, SignedOn::QuotaReached { .. }));
    let machine = scene.store().user(&scene.platform, &"m".into()).await.expect("read").expect("found");
    assert_eq!((machine.password, machine.password_version), (Some(third), 3));
}

pub(super) async fn r16_marks_are_spent_with_the_sign_on(f: &Fixture) {
    let scene = scene(f, 1).await;
    let mark = Scene::sample_mark(MarkKind::Assertion, "a");
    let with_mark = |id, exclusive| {
        let mut on = sample(&scene, id, "app", exclusive, at(30));
        on.minted.marks = vec![mark.clone()];
        on
    };
    assert!(matches!(sign_on(&scene, &with_mark("c1", false)).await, SignedOn::Done { .. }));
    assert_eq!(sign_on(&scene, &with_mark("c2", true)).await, SignedOn::Reused(MarkKind::Assertion));
    assert_eq!(live(&scene, at(31)).await, ["c1"], "nothing was displaced");
}

/// All at once, with quota 1.
async fn race(f: &Fixture, scene: &Scene<'_>, exclusive: bool) -> Vec<SignedOn> {
    let mut tasks = JoinSet::new();
    for i in 0..64 {
        let client = if i % 2 == 0 { "app" } else { "app2" };
        let (store, new) = (f.store.clone(), sample(scene, &format!("c{i}"), client, exclusive, at(40)));
        tasks.spawn(async move { store.sign_on(&new).await.expect("sign_on") });
    }
    tasks.join_all().await
}

pub(super) async fn one_of_64_is_on(f: &Fixture) {
    let scene = scene(f, 1).await;
    let outcomes = race(f, &scene, false).await;
    let on = outcomes.iter().filter(|o| matches!(o, SignedOn::Done { .. })).count();
    let full = outcomes.iter().filter(|o| matches!(o, SignedOn::QuotaReached { quota: 1, .. })).count();
    assert_eq!((on, full), (1, 63));
    assert_eq!(live(&scene, at(41)).await.len(), 1);
}

pub(super) async fn the_last_of_64_is_on(f: &Fixture) {
    let scene = scene(f, 1).await;
    let outcomes = race(f, &scene, true).await;
    let mut displaced = Vec::new();
    for outcome in &outcomes {
        let SignedOn::Done { displaced: by_this, .. } = outcome else { panic!("{outcome:?}") };
        assert!(by_this.len() <= 1, "each took the place of one");
        displaced.extend(by_this.iter().map(|session| session.id.to_string()));
    }
    displaced.sort();
    displaced.dedup();
    assert_eq!(displaced.len(), 63, "all but the first displaced one, and none twice");
    let [last] = &live(&scene, at(41)).await[..] else { panic!("one is live") };
    assert!(!displaced.contains(last));
    for id in &displaced {
        let ended = scene.chain(id).await.and_then(|chain| chain.ended).expect("ended");
        let successor = ended.successor.expect("it knows what took its place");
        let back = scene.store().displaced(&scene.platform, &(&*successor).into()).await.expect("displaced");
        assert_eq!(ids(&back), [id.as_str()]);
    }
}
