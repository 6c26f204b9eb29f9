//! Which key of an algorithm signs when: published first, then active, then retired, then gone (DESIGN D6). One line of
//! succession for each platform and algorithm; refresh tokens' MAC keys have one too (SECURITY R2).

use crate::{Timestamp, must};

/// The algorithm of the keys that refresh tokens are MACs under: they stand in the same line, and are never published.
pub const MAC: &str = "HS256";
/// A MAC key that no live chain names stays so much longer: a node may still have begun one with it.
pub const MAC_LINGERS_MS: i64 = 3_600_000;

/// When keys are replaced without anybody asking for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// A key signs for so long; `None`: until somebody replaces it.
    pub rotate_ms: Option<i64>,
    /// It is published so long before it signs.
    pub publish_ms: i64,
}

/// The times of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyLife {
    /// Its name.
    pub kid: Box<str>,
    /// It is published before, and signs from then on.
    pub active_from: Timestamp,
    /// It signs nothing from then on.
    pub retires_at: Option<Timestamp>,
    /// Nothing that it signed counts from then on.
    pub gone_at: Option<Timestamp>,
}

/// Where a key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStage {
    /// Others may learn it; it signs nothing yet.
    Published,
    /// It signs.
    Active,
    /// It signs no more; what it signed counts.
    Retired,
    /// Nothing that it signed counts.
    Gone,
}

impl KeyStage {
    /// The word in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Published => "PUBLISHED",
            Self::Active => "ACTIVE",
            Self::Retired => "RETIRED",
            Self::Gone => "GONE",
        }
    }
}

impl KeyLife {
    /// Its stage. `outlives_ms`: how long something lives that it signed last, by the settings of now; a planned end is
    /// put off if that has grown. `None`: until its end is written down.
    pub fn stage(&self, now: Timestamp, outlives_ms: Option<i64>) -> KeyStage {
        if self.ends_at(outlives_ms).is_some_and(|end| now >= end) {
            KeyStage::Gone
        } else if self.retires_at.is_some_and(|end| now >= end) {
            KeyStage::Retired
        } else if now < self.active_from {
            KeyStage::Published
        } else {
            KeyStage::Active
        }
    }

    fn ends_at(&self, outlives_ms: Option<i64>) -> Option<Timestamp> {
        let (retires, gone) = (self.retires_at?, self.gone_at?);
        // one that is no longer believed is gone at once, whatever it signed
        if gone <= retires {
            return Some(gone);
        }
        if !must!("oidc-10.1.1-retired") {
            return Some(retires);
        }
        Some(outlives_ms.map_or(gone, |ms| gone.max(retires.plus_millis(ms))))
    }

    /// The next time at which its stage changes.
    pub fn next_change(&self, now: Timestamp, outlives_ms: Option<i64>) -> Option<Timestamp> {
        [Some(self.active_from), self.retires_at, self.ends_at(outlives_ms)]
            .into_iter()
            .flatten()
            .filter(|at| *at > now)
            .min()
    }

    fn retired(&self, now: Timestamp) -> bool {
        self.retires_at.is_some_and(|end| now >= end)
    }
}

/// What is to happen to a line of succession.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// A first key where none signs, and a successor where one is due.
    Due(Schedule),
    /// A successor signs after so many milliseconds; one that is published already is brought forward.
    Rotate {
        /// 0: at once, though nobody has seen it before.
        after_ms: i64,
    },
    /// A key signs no more; what it signed counts until it expires. One that does not sign yet never will.
    Retire {
        /// Its name.
        kid: Box<str>,
    },
    /// A key is no longer believed: what it signed ends with it.
    Distrust {
        /// Its name.
        kid: Box<str>,
    },
}

/// Why a turn changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnFault {
    /// There is no such key.
    Unknown,
    /// It has come to that already, or a successor is on its way already.
    Already,
    /// Nothing is due.
    NotDue,
}

/// The lives that change, that of the new key `fresh` among them if it is needed; the latter is then the last. Pure: the
/// store runs it on the rows of the algorithm, in the transaction that writes what comes of it.
///
/// `outlives_ms`: how long something lives that a key signed last; `None`: that is found out later.
///
/// # Errors
/// Nothing changes, and why.
pub fn turn(
    keys: &[KeyLife],
    turn: &Turn,
    fresh: &str,
    outlives_ms: Option<i64>,
    now: Timestamp,
) -> Result<Vec<KeyLife>, TurnFault> {
    let line = Line { keys, fresh, outlives_ms, now };
    match turn {
        Turn::Due(schedule) => line.due(*schedule),
        Turn::Rotate { after_ms } => line.rotate(now.plus_millis(*after_ms)),
        Turn::Retire { kid } => {
            let key = line.named(kid)?;
            if key.retired(now) {
                return Err(TurnFault::Already);
            }
            Ok(line.without(key, line.retired_at(key, now)))
        }
        Turn::Distrust { kid } => {
            let key = line.named(kid)?;
            if key.stage(now, outlives_ms) == KeyStage::Gone {
                return Err(TurnFault::Already);
            }
            let ended = KeyLife { retires_at: Some(now), gone_at: Some(now), ..key.clone() };
            Ok(if key.retired(now) { vec![ended] } else { line.without(key, ended) })
        }
    }
}

struct Line<'a> {
    keys: &'a [KeyLife],
    fresh: &'a str,
    outlives_ms: Option<i64>,
    now: Timestamp,
}

impl Line<'_> {
    fn named(&self, kid: &str) -> Result<&KeyLife, TurnFault> {
        self.keys.iter().find(|key| *key.kid == *kid).ok_or(TurnFault::Unknown)
    }

    /// The key that signs now.
    fn active(&self) -> Option<&KeyLife> {
        let now = self.now;
        self.keys
            .iter()
            .filter(|key| key.active_from <= now && !key.retired(now))
            .max_by_key(|k| k.active_from)
    }

    /// The key that signs after it.
    fn next(&self) -> Option<&KeyLife> {
        let now = self.now;
        self.keys
            .iter()
            .filter(|key| key.active_from > now && !key.retired(now))
            .min_by_key(|k| k.active_from)
    }

    fn made(&self, active_from: Timestamp) -> KeyLife {
        KeyLife { kid: self.fresh.into(), active_from, retires_at: None, gone_at: None }
    }

    fn retired_at(&self, key: &KeyLife, at: Timestamp) -> KeyLife {
        if key.active_from > at {
            // it has signed nothing
            return KeyLife { retires_at: Some(at), gone_at: Some(at), ..key.clone() };
        }
        let gone_at = self.outlives_ms.map(|ms| at.plus_millis(ms));
        KeyLife { retires_at: Some(at), gone_at, ..key.clone() }
    }

    fn due(&self, schedule: Schedule) -> Result<Vec<KeyLife>, TurnFault> {
        let Some(active) = self.active() else {
            return match self.next() {
                // one that waits has nobody to wait for
                Some(next) => Ok(vec![KeyLife { active_from: self.now, ..next.clone() }]),
                None => Ok(vec![self.made(self.now)]),
            };
        };
        let Some(rotate_ms) = schedule.rotate_ms.filter(|_| self.next().is_none()) else {
            return Err(TurnFault::NotDue);
        };
        let planned = active.active_from.plus_millis(rotate_ms);
        if self.now < planned.plus_millis(-schedule.publish_ms) {
            return Err(TurnFault::NotDue);
        }
        // late is late: others still get their time to learn it
        let publish_ms = if must!("oidc-10.1.1-published") { schedule.publish_ms } else { 0 };
        let start = planned.max(self.now.plus_millis(publish_ms));
        Ok(vec![self.retired_at(active, start), self.made(start)])
    }

    fn rotate(&self, start: Timestamp) -> Result<Vec<KeyLife>, TurnFault> {
        let successor = match self.next() {
            Some(next) if next.active_from <= start => return Err(TurnFault::Already),
            Some(next) => KeyLife { active_from: start, ..next.clone() },
            None => self.made(start),
        };
        let before = self.active().map(|active| self.retired_at(active, start));
        Ok(before.into_iter().chain([successor]).collect())
    }

    /// After the end of a key that signs, or was to sign.
    fn without(&self, key: &KeyLife, ended: KeyLife) -> Vec<KeyLife> {
        let mut changed = vec![ended];
        if key.active_from > self.now {
            // its predecessor goes on
            changed.extend(self.active().map(|a| KeyLife { retires_at: None, gone_at: None, ..a.clone() }));
            return changed;
        }
        match self.next() {
            Some(next) => changed.push(KeyLife { active_from: self.now, ..next.clone() }),
            None => changed.push(self.made(self.now)),
        }
        changed
    }
}

#[cfg(test)]
mod tests;
