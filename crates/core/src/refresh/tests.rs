use super::*;
use proptest::prelude::*;

fn at(s: i64) -> Timestamp {
    Timestamp::from_seconds(s)
}

/// Generation 5, answered at 100 s.
fn chain() -> Chain {
    Chain {
        platform: "p".into(),
        id: "c".into(),
        grant: "g".into(),
        client: "app".into(),
        scopes: ScopeSet::default(),
        salt: [7; 16],
        key: 1,
        generation: 5,
        binding: None,
        context: "".into(),
        issued_at: at(0),
        answered_at: at(100),
        reanswers: 0,
        idle_ends_at: None,
        ends_at: None,
        offset: Offset(0),
        ended: None,
        repeats: Repeats::default(),
    }
}

fn rule(mode: RefreshMode, generation: u64) -> RefreshRule {
    RefreshRule {
        client: "app".into(),
        generation,
        mode,
        binding: None,
        window_ms: 60_000,
        most_reanswers: 8,
        idle_ms: Some(1_000_000),
        from: "192.0.2.0/24".into(),
        key: 1,
    }
}

#[test]
fn r15_repeats_that_the_owner_sees() {
    let here = |generation| rule(RefreshMode::Idempotent, generation);
    let there = |generation| RefreshRule { from: "198.51.100.0/24".into(), ..here(generation) };
    let step = |rule: &RefreshRule, chain: Chain, s| {
        let step = rule.check(&chain, at(s)).unwrap();
        rule.after(chain, step, at(s))
    };
    let rotated = step(&here(5), chain(), 200);
    assert_eq!((&*rotated.repeats.answered_to, rotated.repeats.last.clone()), ("192.0.2.0/24", None));
    for (name, rule, s, expected) in [
        ("at once, from the same network", here(5), 209, None),
        ("at once, from elsewhere", there(5), 201, Some((Look::Retry, "198.51.100.0/24"))),
        ("later", here(5), 210, Some((Look::Race, "192.0.2.0/24"))),
    ] {
        let again = step(&rule, rotated.clone(), s);
        let seen = again.repeats.last.as_ref().map(|last| (last.look, &*last.from));
        assert_eq!((seen, again.repeats.times), (expected, u32::from(expected.is_some())), "{name}");
        assert!(again.repeats.last.is_none_or(|last| !last.replayed && last.at == at(s)), "{name}");
    }
    let again = step(&there(5), rotated.clone(), 201);
    let on = step(&here(6), again.clone(), 300);
    assert_eq!(
        on.repeats,
        Repeats { answered_to: "192.0.2.0/24".into(), ..again.repeats.clone() },
        "kept by the next step"
    );
    let replayed = here(5).replayed(&on, Look::Theft, at(400));
    assert!(
        replayed.times == 2 && replayed.last.is_some_and(|last| last.replayed && last.look == Look::Theft)
    );
}

#[test]
fn generations_table() {
    use RefreshFault::Replayed;
    use RefreshMode::{Idempotent, Static, Strict};
    use RefreshStep::{Again, Rotate, Same};
    for (name, mode, shown, now, expected) in [
        ("static, the one", Static, 5, 500, Ok(Same)),
        ("static, an older one", Static, 4, 500, Err(Replayed(Look::Race))),
        ("r13 static, row restored", Static, 7, 500, Ok(Rotate { to: 7 })),
        ("idempotent, the current one", Idempotent, 5, 500, Ok(Rotate { to: 6 })),
        ("idempotent, the last one in time", Idempotent, 4, 159, Ok(Again { generation: 5 })),
        ("r15 idempotent, the last one too late", Idempotent, 4, 160, Err(Replayed(Look::Race))),
        ("idempotent, an older one", Idempotent, 3, 101, Err(Replayed(Look::Theft))),
        ("r13 idempotent, row restored", Idempotent, 9, 500, Ok(Rotate { to: 10 })),
        ("strict, the current one", Strict, 5, 500, Ok(Rotate { to: 6 })),
        ("strict, the last one at once", Strict, 4, 109, Err(Replayed(Look::Retry))),
        ("strict, the last one later", Strict, 4, 110, Err(Replayed(Look::Race))),
        ("strict, an older one", Strict, 3, 101, Err(Replayed(Look::Theft))),
        ("r13 strict, row restored", Strict, 6, 500, Ok(Rotate { to: 7 })),
    ] {
        assert_eq!(rule(mode, shown).check(&chain(), at(now)), expected, "{name}");
    }
}

/// SECURITY R2: a static token is said anew once when its MAC key was replaced, and again to who lost the answer.
#[test]
fn r02_static_tokens_are_reissued_once_under_a_new_key() {
    let rule = |shown| RefreshRule { key: 2, ..rule(RefreshMode::Static, shown) };
    assert_eq!(rule(5).check(&chain(), at(500)), Ok(RefreshStep::Rotate { to: 6 }));
    let moved = rule(5).after(chain(), RefreshStep::Rotate { to: 6 }, at(500));
    assert_eq!((moved.generation, moved.key), (6, 2));
    assert_eq!(rule(5).check(&moved, at(550)), Ok(RefreshStep::Again { generation: 6 }));
    assert_eq!(rule(5).check(&moved, at(560)), Err(RefreshFault::Replayed(Look::Race)));
    assert_eq!(rule(6).check(&moved, at(600)), Ok(RefreshStep::Same));
}

/// SECURITY R2: the row names the key of its current generation, and a retry is said under that one.
#[test]
fn r02_a_step_takes_the_key_of_now_and_a_retry_does_not() {
    let rule = RefreshRule { key: 2, ..rule(RefreshMode::Idempotent, 5) };
    let moved = rule.after(chain(), RefreshStep::Rotate { to: 6 }, at(500));
    assert_eq!(moved.key, 2);
    let later = RefreshRule { key: 3, ..rule };
    assert_eq!(later.after(moved, RefreshStep::Again { generation: 6 }, at(510)).key, 2);
}

/// SECURITY R14: whose it is, then its time, then its generation.
#[test]
fn r14_nothing_is_a_replay_before_all_else_matched() {
    let bound = Chain { binding: Some("k1".into()), ends_at: Some(at(200)), ..chain() };
    let old = |client: &str, binding: Option<&str>| RefreshRule {
        client: client.into(),
        binding: binding.map(Into::into),
        ..rule(RefreshMode::Strict, 3)
    };
    assert_eq!(old("b", Some("k1")).check(&bound, at(300)), Err(RefreshFault::OtherClient));
    assert_eq!(old("app", None).check(&bound, at(300)), Err(RefreshFault::OtherKey), "no downgrade");
    assert_eq!(old("app", Some("k2")).check(&bound, at(300)), Err(RefreshFault::OtherKey));
    assert_eq!(old("app", Some("k1")).check(&bound, at(200)), Err(RefreshFault::Expired));
    assert_eq!(old("app", Some("k1")).check(&bound, at(199)), Err(RefreshFault::Replayed(Look::Theft)));
    let idle = Chain { idle_ends_at: Some(at(150)), ..chain() };
    assert_eq!(rule(RefreshMode::Idempotent, 5).check(&idle, at(150)), Err(RefreshFault::Expired));
    assert!(old("app", Some("k1")).proof(&bound).is_ok());
    assert!(old("b", Some("k1")).proof(&bound).is_err() && old("app", None).proof(&bound).is_err());
    let proven = RefreshRule { binding: Some("k9".into()), ..rule(RefreshMode::Idempotent, 5) };
    assert!(proven.check(&chain(), at(150)).is_ok(), "a proof that the chain does not ask for does no harm");
}

#[test]
fn r15_answers_are_repeated_a_bounded_number_of_times() {
    let (mut now, mut kept) = (109, chain());
    let again = rule(RefreshMode::Idempotent, 4);
    // The last of them arrived before the first was answered: on another node, or overtaken on its way to the store.
    for moment in (91..=109).cycle().take(64) {
        let step = again.check(&kept, at(moment)).unwrap();
        kept = again.after(kept, step, at(moment));
    }
    assert_eq!(kept.reanswers, 0, "those who ask at the same time count as one");
    for _ in 0..8 {
        now += 1;
        let step = again.check(&kept, at(now));
        assert_eq!(step, Ok(RefreshStep::Again { generation: 5 }));
        kept = again.after(kept, RefreshStep::Again { generation: 5 }, at(now));
        assert_eq!(kept.answered_at, at(100), "no answer extends the window");
    }
    assert_eq!(again.check(&kept, at(now)), Err(RefreshFault::Replayed(Look::Race)));
}

#[test]
fn words_are_read_back() {
    for mode in RefreshMode::ALL {
        assert_eq!(RefreshMode::from_word(mode.as_str()), Some(mode));
    }
    assert_eq!(RefreshMode::from_word("lenient"), None);
}

#[test]
fn r02_salt_does_not_print() {
    assert!(!format!("{:?}", chain()).contains("salt"));
}

/// What a client may hold, told in other words than the rule's: tokens by number, each with what was seen of it.
#[derive(Debug, Default)]
struct Model {
    newest: u64,
    first_said: i64,
    said_again: u32,
    dead: bool,
}

impl Model {
    /// Whether a token is answered, and with which.
    fn present(&mut self, mode: RefreshMode, token: u64, now: i64) -> Option<u64> {
        if self.dead {
            return None;
        }
        let behind = i128::from(self.newest) - i128::from(token);
        if mode == RefreshMode::Static && behind == 0 {
            return Some(token);
        }
        if behind == 0 {
            *self = Self { newest: token + 1, first_said: now, said_again: 0, dead: false };
            return Some(self.newest);
        }
        let patient = mode == RefreshMode::Idempotent && now - self.first_said < 60_000;
        let counts = now - self.first_said >= 10_000;
        if behind == 1 && patient && (!counts || self.said_again < 8) {
            self.said_again += u32::from(counts);
            return Some(self.newest);
        }
        self.dead = true;
        None
    }
}

proptest! {
    #[test]
    fn rule_does_what_the_model_does(
        mode in prop::sample::select(RefreshMode::ALL.to_vec()),
        acts in proptest::collection::vec((0_u64..4, 0_i64..30_000), 1..60),
    ) {
        let mut model = Model::default();
        let mut row = Chain { generation: 0, answered_at: at(0), ..chain() };
        let mut now = 0;
        for (behind, later) in acts {
            now += later;
            let shown = row.generation.saturating_sub(behind / 2);
            let (rule, when) = (rule(mode, shown), Timestamp::from_millis(now));
            let given = match rule.check(&row, when) {
                Ok(step) => {
                    row = rule.after(row, step, when);
                    Some(row.generation)
                }
                Err(_) => None,
            };
            prop_assert_eq!(given, model.present(mode, shown, now));
            if given.is_none() {
                break;
            }
        }
    }
}
