use super::*;
use crate::disclosure::{Subjects, Value};
use crate::model::{EndReason, Ended, UserKind};
use crate::refresh::Repeats;
use crate::{Offset, ScopeSet};

fn machine(sessions: u32) -> User {
    User {
        platform: "p".into(),
        id: "m".into(),
        kind: UserKind::Machine { sessions },
        name: "GE-A-1".into(),
        password: Some(PasswordHash::new("phc")),
        external: None,
        email: None,
        password_version: 3,
        status: Status::Active,
        created_at: Timestamp::default(),
    }
}

fn person() -> User {
    User { kind: UserKind::Person, ..machine(1) }
}

fn at(s: i64) -> Timestamp {
    Timestamp::from_seconds(s)
}

fn chain(id: &str) -> Chain {
    Chain {
        platform: "p".into(),
        id: id.into(),
        grant: "g".into(),
        client: "app".into(),
        scopes: ScopeSet::default(),
        salt: [0; 16],
        key: 1,
        generation: 1,
        binding: None,
        context: "".into(),
        issued_at: at(100),
        answered_at: at(100),
        reanswers: 0,
        idle_ends_at: Some(at(200)),
        ends_at: Some(at(300)),
        offset: Offset(0),
        ended: None,
        repeats: Repeats { answered_to: "192.0.2.0/24".into(), ..Repeats::default() },
    }
}

fn live(count: usize) -> Vec<LiveSession> {
    (0..count).filter_map(|i| LiveSession::of(&chain(&format!("c{i}")), at(150))).collect()
}

#[test]
fn r05_the_password_grant_serves_machines_only() {
    let off = User { status: Status::Disabled, ..machine(1) };
    for (found, has_password) in
        [(Some(machine(1)), true), (Some(person()), false), (Some(off.clone()), false), (None, false)]
    {
        assert_eq!(password_of_machine(found.as_ref()).is_some(), has_password, "{found:?}");
    }
    assert!(identify_machine(Some(&machine(1)), true).is_ok());
    let refused = |found: Option<&User>, matched| *identify_machine(found, matched).unwrap_err();
    for (refusal, true_cause) in [
        (refused(Some(&machine(1)), false), Cause::CredentialSecretMismatch),
        (refused(Some(&person()), true), Cause::CredentialWrongKind),
        (refused(Some(&off), true), Cause::CredentialSecretMismatch),
        (refused(None, true), Cause::CredentialUnknown),
    ] {
        // one answer, with nothing in it that would tell them apart
        assert_eq!((refusal.cause, refusal.true_cause), (Cause::PasswordRejected, Some(true_cause)));
        assert!(refusal.facts.for_record().is_empty() && refusal.proof.is_none());
        assert_eq!(refusal.subjects, Subjects::default());
    }
}

#[test]
fn quotas_hold_and_the_exclusive_take_the_place_of_all() {
    let rule = |exclusive| SignOnRule { password_version: 3, exclusive };
    for (quota, there, exclusive, expected) in [
        (1, 0, false, Ok(0)),
        (1, 0, true, Ok(0)),
        (1, 1, false, Err(SignOnFault::QuotaReached { quota: 1 })),
        (1, 1, true, Ok(1)),
        (3, 2, false, Ok(0)),
        (3, 2, true, Ok(2)),
        (3, 3, false, Err(SignOnFault::QuotaReached { quota: 3 })),
        (3, 3, true, Ok(3)),
        // the quota was lowered since
        (1, 3, false, Err(SignOnFault::QuotaReached { quota: 1 })),
        (1, 3, true, Ok(3)),
    ] {
        let (user, live) = (machine(quota), live(there));
        let judged = rule(exclusive).check(Some(&user), &live).map(<[_]>::len);
        assert_eq!(judged, expected, "{quota} {there} {exclusive}");
    }
}

#[test]
fn what_changed_since_the_password_was_verified_counts() {
    let rule = SignOnRule { password_version: 3, exclusive: true };
    let off = User { status: Status::Disabled, ..machine(1) };
    let newer = User { password_version: 4, ..machine(1) };
    for user in [Some(&off), Some(&newer), Some(&person()), None] {
        assert_eq!(rule.check(user, &live(1)), Err(SignOnFault::NotVerified), "{user:?}");
    }
}

#[test]
fn sign_ons_that_are_over_do_not_count() {
    let ended = Some(Ended { at: at(110), reason: EndReason::Holder, successor: None });
    let open = Chain { idle_ends_at: None, ends_at: None, ..chain("c") };
    for (name, chain, now, lives) in [
        ("live", chain("c"), at(199), true),
        ("idle", chain("c"), at(200), false),
        ("its day", Chain { idle_ends_at: Some(at(900)), ..chain("c") }, at(300), false),
        ("without ends", open, at(1_000_000), true),
        ("ended", Chain { ended, ..chain("c") }, at(120), false),
    ] {
        assert_eq!(LiveSession::of(&chain, now).is_some(), lives, "{name}");
    }
}

#[test]
fn r06_what_is_told_of_other_sign_ons() {
    let refusal = quota_reached(2, &live(2), PossessionProof(()));
    let proof = refusal.proof.expect("possession was shown");
    let told = refusal.facts.for_holder(&proof);
    assert_eq!(told.get(F::SessionsLive), Some(&Value::Number(2)));
    let since = "1970-01-01T00:01:40Z, 1970-01-01T00:01:40Z";
    assert_eq!(told.get(F::SessionsSince), Some(&Value::from(since)));
    assert_eq!(told.get(F::SessionsFrom), None, "networks and clients are the owner's to know");
    assert_eq!(refusal.links.len(), 2);

    let ended = Some(Ended { at: at(120), reason: EndReason::Displaced, successor: Some("new".into()) });
    let old = Chain { ended, ..chain("old") };
    let refusal = displaced(&old, Some(&chain("new")), at(130));
    assert_eq!(refusal.facts.public().get(F::DisplacedBy), None);
    let whole = refusal.facts.for_record().iter().find(|fact| fact.name == F::DisplacedBy);
    let value = whole.map(|fact| fact.value.in_words());
    assert_eq!(value.as_deref(), Some("app since 1970-01-01T00:01:40Z from 192.0.2.0/24"));
    let link = &refusal.links[0];
    assert_eq!((&*link.relation, &*link.subject), ("displaced_by", "session:new"));
}
