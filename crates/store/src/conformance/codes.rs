//! Authorization codes: spent once, by nobody else.

use super::Fixture;
use super::samples::{DAY, Scene, at, scopes};
use crate::{ClientChange, Mark, MarkKind, Minted, Redeemed};
use mandate_core::grant::{CodeFault, CodeRule};
use mandate_core::model::{EndReason, Status};
use mandate_core::{Digest, Offset, SubjectKind};
use tokio::task::JoinSet;

async fn issue(scene: &Scene<'_>, text: &str) {
    scene.store().issue_code(&scene.sample_code(text, "g1", None)).await.expect("issue_code");
}

pub(super) async fn redeemed_once(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    let mut new = scene.sample_code("code", "g1", None);
    new.grant.scopes = scopes("data trading");
    new.code.context = "asked".into();
    assert_eq!(scene.store().issue_code(&new).await.expect("issue_code"), Some("g1".into()));
    assert!(matches!(scene.redeem("unknown", &Scene::rule(), "t", at(30)).await, Redeemed::Unknown));
    let fresh = scene.redeem("code", &Scene::rule(), "t1", at(30)).await;
    let Redeemed::Fresh { grant, scopes: given, code } = fresh else { panic!("{fresh:?}") };
    assert_eq!((grant.as_str(), given), ("g1", scopes("data")));
    assert_eq!((&*code.context, code.offset), ("asked", new.code.offset));
    let facts = scene.token("t1").await.expect("token");
    assert_eq!((facts.token.issued_at, &facts.token.ended), (at(30), &None));
    assert_eq!((facts.grant.id.as_str(), facts.client.id.as_str()), ("g1", "app"));
    assert_eq!(facts.accounts[0].id.as_str(), "a1");
    let again = scene.redeem("code", &Scene::rule(), "t2", at(31)).await;
    let Redeemed::Replayed(code) = again else { panic!("{again:?}") };
    assert_eq!(code.redeemed, Some((at(30), facts.token.handle)));
    assert!(scene.token("t2").await.is_none(), "a replay gives nothing");
    assert_eq!(scene.counts().await, (1, 1, 1));
}

pub(super) async fn refusals_spend_nothing(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    issue(&scene, "code").await;
    scene.store().issue_code(&scene.sample_code("dawns", "g1", Some("dawn"))).await.expect("issue_code");
    let other = CodeRule { client: "app2".into(), ..Scene::rule() };
    let redirect = CodeRule { redirect_uri: "https://app.example/".into(), ..Scene::rule() };
    let dusk = CodeRule { secret_of: Some("dusk".into()), ..Scene::rule() };
    for (code, rule, when, expected) in [
        ("code", &other, at(30), CodeFault::OtherClient),
        ("code", &redirect, at(30), CodeFault::RedirectMismatch),
        ("code", &dusk, at(30), CodeFault::OtherPartner),
        ("code", &Scene::rule(), at(620), CodeFault::Expired),
        ("dawns", &Scene::rule(), at(30), CodeFault::OtherPartner),
        ("dawns", &dusk, at(30), CodeFault::OtherPartner),
    ] {
        let refused = scene.redeem(code, rule, "t", when).await;
        let Redeemed::Refused(fault, row) = refused else { panic!("{refused:?}") };
        assert_eq!((fault, row.redeemed), (expected, None));
        assert!(scene.token("t").await.is_none());
    }
    assert_eq!(scene.counts().await, (2, 0, 1));
    let elsewhere = scene.sample_minted("t", at(30));
    let foreign = f.store.redeem_code(&"moon".into(), &Digest::of(b"code"), &Scene::rule(), &elsewhere).await;
    assert!(matches!(foreign.expect("redeem"), Redeemed::Unknown));
    let dawn = CodeRule { secret_of: Some("dawn".into()), ..Scene::rule() };
    assert!(matches!(scene.redeem("dawns", &dawn, "t1", at(30)).await, Redeemed::Fresh { .. }));
    assert_eq!(scene.token("t1").await.expect("token").token.partner, Some("dawn".into()));
    assert!(matches!(scene.redeem("code", &Scene::rule(), "t2", at(619)).await, Redeemed::Fresh { .. }));
}

/// RFC 6749 section 4.1.2: "If an authorization code is used more than once, the authorization server MUST deny the
/// request and SHOULD revoke all tokens previously issued based on that authorization code."
pub(super) async fn one_of_64_is_fresh_and_a_replay_kills(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    for round in 0..8 {
        let text = format!("code{round}");
        issue(&scene, &text).await;
        let mut tasks = JoinSet::new();
        for i in 0..64 {
            let (store, platform, digest) =
                (f.store.clone(), scene.platform.clone(), Digest::of(text.as_bytes()));
            let token = scene.sample_token(&format!("t{round}-{i}"), at(30));
            tasks.spawn(async move {
                let redeemed = store
                    .redeem_code(&platform, &digest, &Scene::rule(), &Minted::stored(token.clone()))
                    .await;
                (redeemed.expect("redeem_code"), token)
            });
        }
        let results = tasks.join_all().await;
        let winners: Vec<_> = results.iter().filter(|(r, _)| matches!(r, Redeemed::Fresh { .. })).collect();
        assert_eq!(winners.len(), 1);
        assert_eq!(results.iter().filter(|(r, _)| matches!(r, Redeemed::Replayed(_))).count(), 63);
        let winner = &winners[0].1;
        let facts =
            scene.store().token(&scene.platform, &winner.digest).await.expect("read").value.expect("token");
        assert_eq!(facts.token.ended.expect("ended").reason, EndReason::CodeReplayed);
        assert!(scene.has_kill(SubjectKind::Token, winner.handle.as_str()).await);
        let (codes, tokens, _) = scene.counts().await;
        assert_eq!((codes, tokens), (round + 1, round + 1));
    }
}

/// SECURITY R14: nothing is declared a replay before everything has matched.
pub(super) async fn replay_by_another_spends_nothing(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    issue(&scene, "code").await;
    assert!(matches!(scene.redeem("code", &Scene::rule(), "t1", at(30)).await, Redeemed::Fresh { .. }));
    let other = CodeRule { client: "app2".into(), ..Scene::rule() };
    let redirect = CodeRule { redirect_uri: "https://app.example/".into(), ..Scene::rule() };
    for rule in [&other, &redirect] {
        assert!(matches!(scene.redeem("code", rule, "t2", at(31)).await, Redeemed::Refused(..)));
    }
    assert_eq!(scene.token("t1").await.expect("token").token.ended, None);
    assert!(matches!(scene.redeem("code", &Scene::rule(), "t3", at(2000)).await, Redeemed::Replayed(_)));
    let ended = scene.token("t1").await.expect("token").token.ended.expect("ended");
    assert_eq!((ended.at, ended.reason), (at(2000), EndReason::CodeReplayed));
    assert!(matches!(scene.redeem("code", &Scene::rule(), "t3", at(DAY)).await, Redeemed::Replayed(_)));
    let ended = scene.token("t1").await.expect("token").token.ended.expect("ended");
    assert_eq!(ended.at, at(2000), "it ended once");
}

pub(super) async fn end_with_their_grant(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    issue(&scene, "code").await;
    let audit = scene.audit("grant.revoke", "g1", at(25));
    scene
        .store()
        .revoke_grant(&scene.platform, &"g1".into(), None, EndReason::Owner, &audit)
        .await
        .expect("revoke");
    assert!(matches!(scene.redeem("code", &Scene::rule(), "t", at(30)).await, Redeemed::GrantEnded(_)));
    scene.store().issue_code(&scene.sample_code("code2", "g2", None)).await.expect("issue_code");
    assert!(matches!(scene.redeem("code", &Scene::rule(), "t", at(30)).await, Redeemed::GrantEnded(_)));
    assert!(matches!(scene.redeem("code2", &Scene::rule(), "t2", at(30)).await, Redeemed::Fresh { .. }));
    assert!(scene.token("t").await.is_none());
}

pub(super) async fn end_with_their_client_and_account(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    issue(&scene, "code").await;
    for status in [Status::Disabled, Status::Active] {
        let change = ClientChange { status: Some(status), ..ClientChange::default() };
        let audit = scene.audit("client.status", "app", at(22));
        scene.store().change_client(&scene.platform, &"app".into(), &change, &audit).await.expect("change");
        assert!(matches!(scene.redeem("code", &Scene::rule(), "t", at(30)).await, Redeemed::GrantEnded(_)));
    }
    issue(&scene, "code2").await;
    for status in [Status::Disabled, Status::Active] {
        let audit = scene.audit("account.status", "a1", at(23));
        scene.store().set_account_status(&scene.platform, &"a1".into(), status, &audit).await.expect("set");
        assert!(matches!(scene.redeem("code2", &Scene::rule(), "t", at(30)).await, Redeemed::GrantEnded(_)));
    }
    issue(&scene, "code3").await;
    assert!(matches!(scene.redeem("code3", &Scene::rule(), "t3", at(30)).await, Redeemed::Fresh { .. }));
    assert_eq!(scene.counts().await, (3, 1, 1));
}

/// SECURITY R10: what the code's maker had not seen, its token's maker cannot make good.
pub(super) async fn token_keeps_the_older_offset(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    issue(&scene, "code").await;
    let then = scene.applied();
    scene.user("eve").await;
    scene.client("app3").await;
    assert!(scene.applied() > then);
    assert!(matches!(scene.redeem("code", &Scene::rule(), "t", at(30)).await, Redeemed::Fresh { .. }));
    let offset = scene.token("t").await.expect("token").token.offset;
    assert!(offset <= then && offset > Offset(0));
}

/// A token without a row, and the chain beside it: a replay kills both by name.
pub(super) async fn r14_replay_ends_what_signs_for_itself(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    issue(&scene, "code").await;
    let (digest, minted) = (Digest::of(b"code"), scene.sample_pair("jwt", "c", false, at(30)));
    let redeem = async |minted: &Minted| {
        let redeemed = f.store.redeem_code(&scene.platform, &digest, &Scene::rule(), minted).await;
        redeemed.expect("redeem")
    };
    let Redeemed::Fresh { code, .. } = redeem(&minted).await else { panic!("not fresh") };
    assert_eq!(code.digest, digest);
    assert_eq!(scene.counts().await, (1, 0, 1));
    let chain = scene.chain("c").await.expect("chain");
    assert_eq!((chain.grant.as_str(), chain.client.as_str(), chain.scopes), ("g1", "app", scopes("data")));
    let second = scene.sample_pair("jwt2", "c2", false, at(31));
    let Redeemed::Replayed(code) = redeem(&second).await else { panic!("no replay") };
    assert_eq!(code.redeemed, Some((at(30), minted.token.handle.clone())));
    assert_eq!(code.redeemed_chain, Some("c".into()));
    assert!(scene.has_kill(SubjectKind::Token, minted.token.handle.as_str()).await);
    assert!(scene.has_kill(SubjectKind::Token, "c").await);
    let ended = scene.chain("c").await.and_then(|c| c.ended).expect("ended");
    assert_eq!((ended.at, ended.reason), (at(31), EndReason::CodeReplayed));
    assert!(scene.chain("c2").await.is_none());
    let head = scene.applied();
    assert!(matches!(redeem(&second).await, Redeemed::Replayed(_)));
    assert_eq!(scene.applied(), head, "it ended once");
}

pub(super) async fn r16_marks_are_spent_with_the_code(f: &Fixture) {
    let scene = Scene::furnished(f).await;
    issue(&scene, "code").await;
    let mark = Scene::sample_mark(MarkKind::Assertion, "a");
    let redeem = async |mark: &Mark, text: &str, rule: &CodeRule| {
        let minted = Minted { marks: vec![mark.clone()], ..scene.sample_minted(text, at(30)) };
        let redeemed = f.store.redeem_code(&scene.platform, &Digest::of(b"code"), rule, &minted).await;
        redeemed.expect("redeem")
    };
    let other = CodeRule { client: "app2".into(), ..Scene::rule() };
    assert!(matches!(redeem(&mark, "t", &other).await, Redeemed::Refused(..)));
    assert_eq!(scene.mark(std::slice::from_ref(&mark)).await, None, "a refusal spends none");
    let reused = redeem(&mark, "t", &Scene::rule()).await;
    assert!(matches!(reused, Redeemed::Reused(MarkKind::Assertion)), "{reused:?}");
    assert_eq!(scene.counts().await.1, 0);
    let next = Scene::sample_mark(MarkKind::Assertion, "b");
    assert!(matches!(redeem(&next, "t", &Scene::rule()).await, Redeemed::Fresh { .. }));
    assert_eq!(scene.mark(&[next]).await, Some(MarkKind::Assertion));
    let unspent = Scene::sample_mark(MarkKind::Assertion, "c");
    assert!(matches!(redeem(&unspent, "t2", &Scene::rule()).await, Redeemed::Replayed(_)));
    assert_eq!(scene.mark(&[unspent]).await, None);
}
