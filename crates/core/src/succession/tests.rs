use super::*;

const DAY: i64 = 86_400_000;
const LIVES: Option<i64> = Some(600_000);
const SCHEDULE: Schedule = Schedule { rotate_ms: Some(90 * DAY), publish_ms: 7 * DAY };

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn key(kid: &str, active_from: i64) -> KeyLife {
    KeyLife { kid: kid.into(), active_from: at(active_from), retires_at: None, gone_at: None }
}

fn ending(kid: &str, active_from: i64, retires_at: i64) -> KeyLife {
    let gone_at = LIVES.map(|ms| at(retires_at + ms));
    KeyLife { retires_at: Some(at(retires_at)), gone_at, ..key(kid, active_from) }
}

fn turned(keys: &[KeyLife], act: &Turn, now: i64) -> Result<Vec<KeyLife>, TurnFault> {
    turn(keys, act, "new", LIVES, at(now))
}

/// Applies what comes of a turn, as a store does.
fn apply(keys: &mut Vec<KeyLife>, changed: Vec<KeyLife>) {
    for life in changed {
        match keys.iter_mut().find(|key| key.kid == life.kid) {
            Some(key) => *key = life,
            None => keys.push(life),
        }
    }
}

#[test]
fn the_first_key_signs_at_once() {
    assert_eq!(turned(&[], &Turn::Due(SCHEDULE), 5), Ok(vec![key("new", 5)]));
    let gone = [ending("a", 0, 3)];
    assert_eq!(turned(&gone, &Turn::Due(SCHEDULE), 5), Ok(vec![key("new", 5)]));
}

#[test]
fn d6_a_successor_is_published_before_it_signs_and_its_predecessor_retires_then() {
    let keys = [key("a", 0)];
    let due = Turn::Due(SCHEDULE);
    assert_eq!(turned(&keys, &due, 83 * DAY - 1), Err(TurnFault::NotDue));
    let changed = turned(&keys, &due, 83 * DAY).unwrap();
    assert_eq!(changed, [ending("a", 0, 90 * DAY), key("new", 90 * DAY)]);
    assert_eq!(turned(&changed, &due, 84 * DAY), Err(TurnFault::NotDue), "one is on its way");
    let stages = |now| changed.iter().map(|k| k.stage(at(now), LIVES)).collect::<Vec<_>>();
    assert_eq!(stages(84 * DAY), [KeyStage::Active, KeyStage::Published]);
    assert_eq!(stages(90 * DAY), [KeyStage::Retired, KeyStage::Active]);
    assert_eq!(stages(90 * DAY + 600_000), [KeyStage::Gone, KeyStage::Active]);
    assert_eq!(changed[0].next_change(at(84 * DAY), LIVES), Some(at(90 * DAY)));
    assert_eq!(changed[0].next_change(at(90 * DAY), LIVES), Some(at(90 * DAY + 600_000)));
}

#[test]
fn a_late_successor_is_still_published_first() {
    let changed = turned(&[key("a", 0)], &Turn::Due(SCHEDULE), 200 * DAY).unwrap();
    assert_eq!(changed, [ending("a", 0, 207 * DAY), key("new", 207 * DAY)]);
}

#[test]
fn without_an_interval_keys_stay() {
    let never = Turn::Due(Schedule { rotate_ms: None, publish_ms: DAY });
    assert_eq!(turned(&[key("a", 0)], &never, 999 * DAY), Err(TurnFault::NotDue));
}

#[test]
fn rotation_by_command_brings_a_published_successor_forward() {
    let rotate = |after_ms| Turn::Rotate { after_ms };
    assert_eq!(
        turned(&[key("a", 0)], &rotate(DAY), 10),
        Ok(vec![ending("a", 0, DAY + 10), key("new", DAY + 10)])
    );
    let on_its_way = [ending("a", 0, 90), key("b", 90)];
    assert_eq!(turned(&on_its_way, &rotate(80), 10), Err(TurnFault::Already));
    assert_eq!(turned(&on_its_way, &rotate(0), 10), Ok(vec![ending("a", 0, 10), key("b", 10)]));
}

#[test]
fn a_key_that_retires_now_is_followed_now() {
    let retire = |kid: &str| Turn::Retire { kid: kid.into() };
    assert_eq!(turned(&[key("a", 0)], &retire("x"), 10), Err(TurnFault::Unknown));
    assert_eq!(turned(&[key("a", 0)], &retire("a"), 10), Ok(vec![ending("a", 0, 10), key("new", 10)]));
    let on_its_way = [ending("a", 0, 90), key("b", 90)];
    assert_eq!(turned(&on_its_way, &retire("a"), 10), Ok(vec![ending("a", 0, 10), key("b", 10)]));
    assert_eq!(turned(&on_its_way, &retire("a"), 95), Err(TurnFault::Already));
    // one that has not signed yet goes without a trace, and its predecessor goes on
    let withdrawn = KeyLife { retires_at: Some(at(10)), gone_at: Some(at(10)), ..key("b", 90) };
    assert_eq!(turned(&on_its_way, &retire("b"), 10), Ok(vec![withdrawn.clone(), key("a", 0)]));
    assert_eq!(withdrawn.stage(at(10), LIVES), KeyStage::Gone);
}

#[test]
fn a_key_that_is_not_believed_is_gone_at_once() {
    let distrust = Turn::Distrust { kid: "a".into() };
    let gone = KeyLife { retires_at: Some(at(10)), gone_at: Some(at(10)), ..key("a", 0) };
    assert_eq!(turned(&[key("a", 0)], &distrust, 10), Ok(vec![gone.clone(), key("new", 10)]));
    assert_eq!(gone.stage(at(10), LIVES), KeyStage::Gone);
    assert_eq!(turned(&[gone, key("b", 10)], &distrust, 11), Err(TurnFault::Already));
    let retired = [ending("a", 0, 5), key("b", 5)];
    let ended = KeyLife { retires_at: Some(at(10)), gone_at: Some(at(10)), ..key("a", 0) };
    assert_eq!(turned(&retired, &distrust, 10), Ok(vec![ended]), "its successor signs already");
}

#[test]
fn a_planned_end_is_put_off_when_tokens_live_longer_than_then() {
    let key = ending("a", 0, 1000);
    assert_eq!(key.stage(at(700_000), LIVES), KeyStage::Gone);
    assert_eq!(key.stage(at(700_000), Some(3_600_000)), KeyStage::Retired);
    assert_eq!(key.stage(at(600_500), Some(1)), KeyStage::Retired, "and is not drawn nearer");
}

#[test]
fn mac_keys_wait_until_their_end_is_written_down() {
    let changed = turn(&[key("1", 0)], &Turn::Rotate { after_ms: 0 }, "2", None, at(10)).unwrap();
    assert_eq!(changed[0].gone_at, None);
    assert_eq!(changed[0].stage(at(i64::MAX), None), KeyStage::Retired);
}

/// Whatever is done in whatever order: one key signs at any time, and what signed last is believed until its tokens end.
#[test]
fn one_key_signs_at_any_time() {
    let acts = |kid: &str| {
        [
            Turn::Due(SCHEDULE),
            Turn::Rotate { after_ms: 0 },
            Turn::Rotate { after_ms: DAY },
            Turn::Retire { kid: kid.into() },
            Turn::Distrust { kid: kid.into() },
        ]
    };
    let mut state = 7_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    for _ in 0..200 {
        let (mut keys, mut now) = (Vec::new(), 0);
        for step in 0..40 {
            now += i64::try_from(next(20)).unwrap() * DAY;
            let changed = turn(&keys, &Turn::Due(SCHEDULE), &format!("due{step}"), LIVES, at(now));
            apply(&mut keys, changed.unwrap_or_default());
            let kid = keys[next(keys.len())].kid.clone();
            let act = &acts(&kid)[next(5)];
            let changed = turn(&keys, act, &format!("k{step}"), LIVES, at(now)).unwrap_or_default();
            apply(&mut keys, changed);
            for later in [0, DAY, 40 * DAY] {
                let active =
                    keys.iter().filter(|k| k.stage(at(now + later), LIVES) == KeyStage::Active).count();
                assert_eq!(active, 1, "after {act:?} at {now}, {later} later: {keys:?}");
            }
        }
    }
}
