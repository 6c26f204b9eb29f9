//! Refresh chains (DESIGN D7; SECURITY R10, R13-R16).

use super::Fixture;
use super::samples::{DAY, Scene, at, scopes};
use crate::{ChainWithGrant, Changed, ClientChange, IssueToken, MarkKind, Minted, Rotated};
use mandate_core::model::{EndReason, Status};
use mandate_core::refresh::{Chain, Look, RefreshFault, RefreshMode, RefreshRule, RefreshStep};
use mandate_core::{ChainId, SubjectKind, Timestamp};
use tokio::task::JoinSet;

fn step(rotated: &Rotated) -> RefreshStep {
    match rotated {
        Rotated::Answered { step, .. } => *step,
        other => panic!("{other:?}"),
    }
}

pub(super) async fn begun_with_a_code(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    scene.chained().await;
    let found = scene.store().chain(&scene.platform, &"c".into()).await.expect("chain");
    let (chain, grant) = found.value.expect("found");
    assert_eq!(&*chain.context, "{\"acr\":1}", "the code's");
    let expected =
        Chain { offset: chain.offset, context: chain.context.clone(), ..scene.sample_chain("c", at(30)) };
    assert_eq!(chain, expected);
    assert_eq!((grant.id.as_str(), found.offset), ("g1", scene.applied()));
    assert_eq!(scene.token("t").await.expect("token").token.chain, Some("c".into()));
    assert!(scene.chain("d").await.is_none());
    assert!(scene.store().chain(&"moon".into(), &"c".into()).await.expect("chain").value.is_none());
}

pub(super) async fn move_on_and_answer_again(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    scene.chained().await;
    let rule = |generation| Scene::refresh(RefreshMode::Idempotent, generation);
    let first = scene.rotate(&rule(0), "t1", at(40)).await;
    let Rotated::Answered { step, chain, grant } = first else { panic!("{first:?}") };
    assert_eq!((step, chain.generation), (RefreshStep::Rotate { to: 1 }, 1));
    assert_eq!((chain.answered_at, chain.idle_ends_at), (at(40), Some(at(40 + 30 * DAY))));
    assert_eq!((grant.id.as_str(), scene.chain("c").await), ("g1", Some(*chain)));
    let token = scene.token("t1").await.expect("token").token;
    assert_eq!((token.chain, token.grant.as_str(), token.scopes), (Some("c".into()), "g1", scopes("data")));

    let again = scene.rotate(&rule(0), "t2", at(99)).await;
    let Rotated::Answered { step, chain, .. } = again else { panic!("{again:?}") };
    assert_eq!(step, RefreshStep::Again { generation: 1 });
    assert_eq!((chain.generation, chain.reanswers, chain.answered_at), (1, 1, at(40)));
    assert_eq!(scene.chain("c").await, Some(*chain));
    assert!(scene.token("t2").await.is_some_and(|t| t.token.ended.is_none()), "each answer has a token");

    let next = scene.rotate(&rule(1), "t3", at(120)).await;
    assert_eq!(self::step(&next), RefreshStep::Rotate { to: 2 });
    assert_eq!(scene.chain("c").await.map(|c| (c.generation, c.reanswers)), Some((2, 0)));
    let late = scene.rotate(&rule(1), "t4", at(180)).await;
    assert!(matches!(late, Rotated::Replayed(Look::Race, _)), "{late:?}");
}

/// What the owner is shown of tokens that came again.
pub(super) async fn r15_repeats_are_kept_for_the_owner(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    scene.chained().await;
    let seen = async || {
        let apps = scene.store().connected_apps(&scene.platform, &"ann".into(), at(60)).await.expect("apps");
        apps.into_iter().flat_map(|app| app.repeats).collect::<Vec<_>>()
    };
    let rule = |generation| Scene::refresh(RefreshMode::Idempotent, generation);
    scene.rotate(&rule(0), "t1", at(40)).await;
    scene.rotate(&rule(0), "t2", at(41)).await;
    assert_eq!(seen().await, [], "asked twice at once");
    let elsewhere = RefreshRule { from: "198.51.100.0/24".into(), ..rule(0) };
    scene.rotate(&elsewhere, "t3", at(42)).await;
    let [once] = &seen().await[..] else { panic!("one chain") };
    let last = once.last.clone().expect("a repeat");
    assert_eq!(
        (once.times, &*last.from, last.look, last.replayed),
        (1, "198.51.100.0/24", Look::Retry, false)
    );
    scene.rotate(&rule(1), "t4", at(50)).await;
    assert_eq!(seen().await.len(), 1, "kept by the next step");
    let late = scene.rotate(&elsewhere, "t5", at(200)).await;
    assert!(matches!(late, Rotated::Replayed(..)), "{late:?}");
    let [twice] = &seen().await[..] else { panic!("one chain") };
    let last = twice.last.clone().expect("a replay");
    assert_eq!((twice.times, last.at, last.look, last.replayed), (2, at(200), Look::Theft, true));
}

pub(super) async fn r14_refusals_change_nothing(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    scene.chained().await;
    let before = scene.chain("c").await;
    let good = Scene::refresh(RefreshMode::Strict, 0);
    let other = RefreshRule { client: "app2".into(), ..good.clone() };
    let unbound = RefreshRule { binding: None, ..good.clone() };
    for (rule, when, expected) in [
        (&other, at(40), RefreshFault::OtherClient),
        (&unbound, at(40), RefreshFault::OtherKey),
        (&good, at(30 + 30 * DAY), RefreshFault::Expired),
    ] {
        let refused = scene.rotate(rule, "t1", when).await;
        let Rotated::Refused(fault, chain) = refused else { panic!("{refused:?}") };
        assert_eq!((fault, Some(*chain)), (expected, before.clone()));
    }
    assert_eq!(scene.chain("c").await, before);
    assert!(scene.token("t1").await.is_none());
    let unknown: ChainId = "d".into();
    let minted = scene.sample_minted("t1", at(40));
    for (platform, id) in [(&scene.platform, &unknown), (&"moon".into(), &"c".into())] {
        let rotated = f.store.rotate_refresh(platform, id, &good, &scopes("data"), &minted, at(40)).await;
        assert!(matches!(rotated, Ok(Rotated::Unknown)), "{rotated:?}");
    }
}

/// Those who have read a chain move it as it is, not as they saw it.
pub(super) async fn move_on_as_seen(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    scene.chained().await;
    let seen =
        async || f.store.chain(&scene.platform, &"c".into()).await.expect("chain").value.expect("found");
    let by = async |seen: &ChainWithGrant, rule: RefreshRule, token: &str, when: Timestamp| {
        let minted = scene.sample_minted(token, when);
        f.store.rotate_seen(seen, &rule, &scopes("data"), &minted, when).await.expect("rotate_seen")
    };
    let first = seen().await;
    let moved = by(&first, Scene::refresh(RefreshMode::Idempotent, 0), "t1", at(40)).await;
    let Rotated::Answered { step, chain, grant } = moved else { panic!("{moved:?}") };
    assert_eq!((step, grant), (RefreshStep::Rotate { to: 1 }, Box::new((*first.1).clone())));
    assert_eq!(scene.chain("c").await, Some(*chain));
    assert!(scene.token("t1").await.is_some_and(|t| t.token.chain == Some("c".into())));

    let again = by(&first, Scene::refresh(RefreshMode::Idempotent, 0), "t2", at(41)).await;
    assert_eq!(self::step(&again), RefreshStep::Again { generation: 1 }, "it has moved since");
    let second = seen().await;
    let replayed = by(&first, Scene::refresh(RefreshMode::Strict, 0), "t3", at(45)).await;
    assert!(matches!(replayed, Rotated::Replayed(Look::Retry, _)), "{replayed:?}");
    let ended = by(&second, Scene::refresh(RefreshMode::Strict, 1), "t4", at(46)).await;
    assert!(matches!(ended, Rotated::Ended(_)), "{ended:?}");
    for token in ["t3", "t4"] {
        assert!(scene.token(token).await.is_none());
    }
}

pub(super) async fn r14_replay_ends_chain_and_tokens(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    scene.chained().await;
    let rule = |generation| Scene::refresh(RefreshMode::Strict, generation);
    step(&scene.rotate(&rule(0), "t1", at(40)).await);
    let replayed = scene.rotate(&rule(0), "t2", at(45)).await;
    let Rotated::Replayed(look, chain) = replayed else { panic!("{replayed:?}") };
    let ended = chain.ended.expect("ended");
    assert_eq!((look, ended.at, ended.reason), (Look::Retry, at(45), EndReason::RefreshReplayed));
    assert!(scene.has_kill(SubjectKind::Token, "c").await);
    for text in ["t", "t1"] {
        let token = scene.token(text).await.expect("token").token;
        assert_eq!(token.ended.as_ref(), Some(&ended), "dead through its chain");
    }
    assert!(scene.token("t2").await.is_none());
    let after = scene.rotate(&rule(1), "t3", at(46)).await;
    assert!(matches!(after, Rotated::Ended(_)), "{after:?}");
    let head = scene.applied();
    assert!(matches!(scene.rotate(&rule(0), "t3", at(47)).await, Rotated::Ended(_)));
    assert_eq!(scene.applied(), head, "it ended once");
}

pub(super) async fn static_ones_stay(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    scene.chained().await;
    for (token, when) in [("t1", at(40)), ("t2", at(4000))] {
        let rotated = scene.rotate(&Scene::refresh(RefreshMode::Static, 0), token, when).await;
        let Rotated::Answered { step, chain, .. } = rotated else { panic!("{rotated:?}") };
        assert_eq!((step, chain.generation, chain.answered_at), (RefreshStep::Same, 0, at(30)));
        assert_eq!(chain.idle_ends_at, Some(when.plus_seconds(30 * DAY)));
        assert!(scene.token(token).await.is_some());
    }
}

pub(super) async fn r13_move_forward_after_a_restore(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    scene.chained().await;
    let rotated = scene.rotate(&Scene::refresh(RefreshMode::Strict, 41), "t1", at(40)).await;
    assert_eq!(step(&rotated), RefreshStep::Rotate { to: 42 });
    assert_eq!(scene.chain("c").await.map(|c| c.generation), Some(42));
}

pub(super) async fn end_with_their_grant(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    let rule = Scene::refresh(RefreshMode::Idempotent, 0);
    let ended = async |id: &str| {
        let minted = scene.sample_minted("t1", at(60));
        let id = id.into();
        let rotated =
            f.store.rotate_refresh(&scene.platform, &id, &rule, &scopes("data"), &minted, at(60)).await;
        assert!(matches!(rotated, Ok(Rotated::GrantEnded(_))), "{rotated:?}");
        assert!(scene.token("t1").await.is_none());
        let seen = f.store.chain(&scene.platform, &id).await.expect("chain").value.expect("found");
        let rotated = f.store.rotate_seen(&seen, &rule, &scopes("data"), &minted, at(60)).await;
        assert!(matches!(rotated, Ok(Rotated::GrantEnded(_))), "{rotated:?}");
        assert!(scene.token("t1").await.is_none());
        assert_eq!(scene.chain(id.as_str()).await.as_ref(), Some(&seen.0), "it has not moved");
    };
    let begin = async |id: &str| {
        let mut issue = scene.sample_issue(&format!("with {id}"), None);
        issue.grant.new_id = format!("g {id}").into();
        issue.grant.accounts = vec!["a1".into(), "p1".into()];
        issue.chain = Some(scene.sample_chain(id, at(30)));
        scene.store().issue_token(&issue).await.expect("issue").granted().expect("granted")
    };

    let grant = begin("c1").await;
    let audit = scene.audit("grant.revoke", "g", at(50));
    f.store.revoke_grant(&scene.platform, &grant, None, EndReason::Owner, &audit).await.expect("revoke");
    ended("c1").await;

    begin("c2").await;
    for status in [Status::Disabled, Status::Active] {
        let change = ClientChange { status: Some(status), ..ClientChange::default() };
        let audit = scene.audit("client.status", "app", at(51));
        f.store.change_client(&scene.platform, &"app".into(), &change, &audit).await.expect("change");
        ended("c2").await;
    }

    begin("c").await;
    let off_and_on = async |account: &str| {
        for status in [Status::Disabled, Status::Active] {
            let audit = scene.audit("account.status", account, at(52));
            let id = account.into();
            f.store.set_account_status(&scene.platform, &id, status, &audit).await.expect("status");
        }
    };
    off_and_on("a1").await;
    let one_left = scene.rotate(&rule, "t2", at(60)).await;
    assert!(matches!(one_left, Rotated::Answered { .. }), "one account is left: {one_left:?}");
    off_and_on("p1").await;
    ended("c").await;
}

pub(super) async fn ended_by_their_client_only(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    scene.chained().await;
    let end = async |id: &str, client: &str| {
        let audit = scene.audit("chain.end", id, at(50));
        let (id, client) = (id.into(), client.into());
        f.store.end_chain(&scene.platform, &id, &client, EndReason::Holder, &audit).await.expect("end")
    };
    assert_eq!(end("c", "app2").await, Changed::NotFound);
    assert_eq!(end("d", "app").await, Changed::NotFound);
    assert_eq!(scene.chain("c").await.and_then(|c| c.ended), None);
    assert_eq!(end("c", "app").await, Changed::Done);
    assert_eq!(end("c", "app").await, Changed::Conflict);
    assert!(scene.has_kill(SubjectKind::Token, "c").await);
    let token = scene.token("t").await.expect("token").token;
    assert_eq!(token.ended.map(|e| (e.at, e.reason)), Some((at(50), EndReason::Holder)));
    let rotated = scene.rotate(&Scene::refresh(RefreshMode::Idempotent, 0), "t1", at(60)).await;
    assert!(matches!(rotated, Rotated::Ended(_)), "{rotated:?}");
}

/// What was killed since the chain began stays dead for its new tokens.
pub(super) async fn r10_tokens_keep_the_older_offset(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    scene.chained().await;
    let began = scene.chain("c").await.expect("chain").offset;
    scene.client("app3").await;
    assert!(scene.applied() > began);
    step(&scene.rotate(&Scene::refresh(RefreshMode::Idempotent, 0), "t1", at(40)).await);
    assert_eq!(scene.token("t1").await.expect("token").token.offset, began);
}

pub(super) async fn r16_marks_are_spent_with_the_step(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    scene.chained().await;
    let (used, fresh) =
        (Scene::sample_mark(MarkKind::Proof, "used"), Scene::sample_mark(MarkKind::Assertion, "fresh"));
    assert_eq!(scene.mark(std::slice::from_ref(&used)).await, None);
    let rotate = async |marks, generation, text| {
        let minted = Minted { marks, ..scene.sample_minted(text, at(40)) };
        let (id, rule) = ("c".into(), Scene::refresh(RefreshMode::Strict, generation));
        let rotated =
            f.store.rotate_refresh(&scene.platform, &id, &rule, &scopes("data"), &minted, at(40)).await;
        rotated.expect("rotate")
    };
    let reused = rotate(vec![fresh.clone(), used], 0, "t1").await;
    assert!(matches!(reused, Rotated::Reused(MarkKind::Proof)), "{reused:?}");
    assert_eq!(scene.chain("c").await.map(|c| c.generation), Some(0), "nothing happened");
    assert!(scene.token("t1").await.is_none());
    step(&rotate(vec![fresh.clone()], 0, "t1").await);
    assert_eq!(scene.mark(&[fresh]).await, Some(MarkKind::Assertion));
    let unspent = Scene::sample_mark(MarkKind::Proof, "unspent");
    let replayed = rotate(vec![unspent.clone()], 0, "t2").await;
    assert!(matches!(replayed, Rotated::Replayed(..)), "{replayed:?}");
    assert_eq!(scene.mark(&[unspent]).await, None, "a refusal spends none");
}

async fn race(f: &Fixture, scene: &Scene<'_>, mode: RefreshMode) -> Vec<Rotated> {
    let mut tasks = JoinSet::new();
    for i in 0..64 {
        let (store, platform) = (f.store.clone(), scene.platform.clone());
        let minted = scene.sample_minted(&format!("t{i}"), at(40));
        let rule = Scene::refresh(mode, 0);
        tasks.spawn(async move {
            let rotated =
                store.rotate_refresh(&platform, &"c".into(), &rule, &scopes("data"), &minted, at(40)).await;
            rotated.expect("rotate")
        });
    }
    tasks.join_all().await
}

pub(super) async fn strict_has_one_winner(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    scene.chained().await;
    let outcomes = race(f, &scene, RefreshMode::Strict).await;
    let count = |is: fn(&Rotated) -> bool| outcomes.iter().filter(|r| is(r)).count();
    assert_eq!(count(|r| matches!(r, Rotated::Answered { .. })), 1);
    assert_eq!(count(|r| matches!(r, Rotated::Replayed(Look::Retry, _))), 1);
    assert_eq!(count(|r| matches!(r, Rotated::Ended(_))), 62);
    assert!(scene.chain("c").await.is_some_and(|c| c.generation == 1 && c.ended.is_some()));
    assert_eq!(scene.counts().await, (1, 2, 1), "the first token and the winner's");
}

pub(super) async fn idempotent_has_one_successor(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    scene.chained().await;
    let outcomes = race(f, &scene, RefreshMode::Idempotent).await;
    let steps: Vec<_> = outcomes.iter().map(step).collect();
    assert_eq!(steps.iter().filter(|s| **s == RefreshStep::Rotate { to: 1 }).count(), 1);
    assert_eq!(steps.iter().filter(|s| **s == RefreshStep::Again { generation: 1 }).count(), 63);
    assert!(scene.chain("c").await.is_some_and(|c| c.generation == 1 && c.reanswers == 0));
    assert_eq!(scene.counts().await, (1, 65, 1), "each answer has a token");
}

/// Refreshes that come at the same moment: each gets what its own chain gives, whatever becomes of the others.
pub(super) async fn many_at_once_keep_apart(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    scene.chained().await;
    for i in 0..24_u64 {
        // Every third stands further on, every fifth is another client's.
        let chain = Chain {
            generation: 10 * (i % 3),
            client: if i % 5 == 0 { "app2".into() } else { "app".into() },
            salt: [u8::try_from(i).expect("small"); 16],
            ..scene.sample_chain(&format!("c{i}"), at(30))
        };
        let began = IssueToken {
            chain: Some(chain),
            stored: false,
            ..scene.sample_issue(&format!("first{i}"), None)
        };
        f.store.issue_token(&began).await.expect("issue");
    }
    let mut tasks = JoinSet::new();
    for i in 0..26_u64 {
        let (store, platform) = (f.store.clone(), scene.platform.clone());
        let mut minted = scene.sample_minted(&format!("next{i}"), at(40));
        minted.stored = i % 2 == 0;
        let rule = Scene::refresh(RefreshMode::Strict, 10 * (i % 3));
        tasks.spawn(async move {
            let id = ChainId::new(format!("c{i}"));
            let found = store.chain(&platform, &id).await.expect("chain").value;
            let wanted = scopes("data");
            let rotated = store.rotate_refresh(&platform, &id, &rule, &wanted, &minted, at(40)).await;
            (i, found, rotated.expect("rotate"))
        });
    }
    for (i, found, rotated) in tasks.join_all().await {
        let (id, token) = (format!("c{i}"), scene.token(&format!("next{i}")).await);
        match rotated {
            Rotated::Unknown => assert!(i >= 24 && found.is_none() && token.is_none()),
            Rotated::Refused(RefreshFault::OtherClient, chain) => {
                assert!(i % 5 == 0 && i < 24 && token.is_none());
                assert_eq!(Some(*chain), scene.chain(&id).await);
            }
            Rotated::Answered { step, chain, .. } => {
                let to = 10 * (i % 3) + 1;
                assert_eq!((step, chain.generation), (RefreshStep::Rotate { to }, to));
                assert_eq!((chain.id.as_str(), chain.salt), (&*id, [u8::try_from(i).expect("small"); 16]));
                assert_eq!(found.map(|(found, _)| found.salt), Some(chain.salt));
                assert_eq!(Some(*chain), scene.chain(&id).await);
                assert_eq!(token.map(|t| t.token.chain), (i % 2 == 0).then(|| Some(ChainId::new(id))));
            }
            other => panic!("{other:?}"),
        }
    }
}
