//! Machine passwords that this process has verified: their repeats are spared the digest (SECURITY R5).

use mandate_core::model::PasswordHash;
use mandate_core::{Digest, Entropy, LogEntry, PlatformId, Secret, SubjectKind, UserId};

/// Machines remembered at most; beyond, those that sign on least make room.
const MOST: usize = 10_000;

/// What is remembered: under a machine's name a digest over its stored hash and its password, keyed with what only this
/// process knows. It answers no guess about another password, and none about this one once the stored hash is another.
pub(super) struct Verified {
    key: [u8; 32],
    seen: quick_cache::sync::Cache<Box<str>, Digest>,
}

impl std::fmt::Debug for Verified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verified(…)")
    }
}

impl Verified {
    pub(super) fn new(entropy: &dyn Entropy) -> Self {
        let mut key = [0; 32];
        entropy.fill(&mut key);
        Self { key, seen: quick_cache::sync::Cache::new(MOST) }
    }

    /// Whether this very password was verified against this very hash.
    pub(super) fn knows(&self, of: (&PlatformId, &UserId), hash: &PasswordHash, password: &Secret) -> bool {
        let shown = self.digest(hash, password);
        self.seen.get(&*name(of.0, of.1.as_str())).is_some_and(|seen| seen == shown)
    }

    pub(super) fn keep(&self, of: (&PlatformId, &UserId), hash: &PasswordHash, password: &Secret) {
        self.seen.insert(name(of.0, of.1.as_str()), self.digest(hash, password));
    }

    /// Forgets whom the log speaks of.
    pub(super) fn hear(&self, entries: &[LogEntry]) {
        for entry in entries.iter().filter(|entry| entry.subject.kind == SubjectKind::User) {
            self.seen.remove(&*name(&entry.subject.platform, &entry.subject.id));
        }
    }

    /// The digest never leaves the process, so a key in front of the text suffices. The hash has its length before it: no
    /// password continues it.
    fn digest(&self, hash: &PasswordHash, password: &Secret) -> Digest {
        let (hash, password) = (hash.expose().as_bytes(), password.expose().as_bytes());
        let mut text = Vec::with_capacity(40 + hash.len() + password.len());
        text.extend_from_slice(&self.key);
        text.extend_from_slice(&(hash.len() as u64).to_be_bytes());
        text.extend_from_slice(hash);
        text.extend_from_slice(password);
        let digest = Digest::of(&text);
        text.fill(0);
        digest
    }
}

fn name(platform: &PlatformId, user: &str) -> Box<str> {
    format!("{platform}\0{user}").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doubles::Counting;
    use mandate_core::log::Effect;
    use mandate_core::{Offset, Subject, Timestamp};

    fn entry(platform: &str, kind: SubjectKind, id: &str) -> LogEntry {
        LogEntry {
            offset: Offset(1),
            subject: Subject { platform: platform.into(), kind, id: id.into() },
            effect: Effect::Change,
            reason: None,
            at: Timestamp::default(),
        }
    }

    #[test]
    fn r05_only_the_very_password_of_the_very_hash_is_known() {
        let verified = Verified::new(&Counting::default());
        let (platform, user, other) = (PlatformId::from("p"), UserId::from("m"), UserId::from("n"));
        let (hash, password) = (PasswordHash::new("phc"), Secret::new("right"));
        assert!(!verified.knows((&platform, &user), &hash, &password));
        verified.keep((&platform, &user), &hash, &password);
        assert!(verified.knows((&platform, &user), &hash, &password));
        let next = PasswordHash::new("phc2");
        for (name, known) in [
            ("another password", verified.knows((&platform, &user), &hash, &Secret::new("righ"))),
            ("another hash", verified.knows((&platform, &user), &next, &password)),
            ("another machine", verified.knows((&platform, &other), &hash, &password)),
            ("another platform", verified.knows((&"q".into(), &user), &hash, &password)),
            (
                "a cut elsewhere",
                verified.knows((&platform, &user), &PasswordHash::new("phcr"), &Secret::new("ight")),
            ),
        ] {
            assert!(!known, "{name}");
        }
        assert_eq!(format!("{verified:?}"), "Verified(…)");
    }

    #[test]
    fn r05_the_log_makes_it_forget() {
        let verified = Verified::new(&Counting::default());
        let (platform, user) = (PlatformId::from("p"), UserId::from("m"));
        let (hash, password) = (PasswordHash::new("phc"), Secret::new("right"));
        verified.keep((&platform, &user), &hash, &password);
        for stays in [
            entry("q", SubjectKind::User, "m"),
            entry("p", SubjectKind::Client, "m"),
            entry("p", SubjectKind::User, "n"),
        ] {
            verified.hear(&[stays]);
            assert!(verified.knows((&platform, &user), &hash, &password));
        }
        verified.hear(&[entry("p", SubjectKind::User, "m")]);
        assert!(!verified.knows((&platform, &user), &hash, &password));
    }

    #[test]
    fn r05_what_is_remembered_is_bounded() {
        let verified = Verified::new(&Counting::default());
        for i in 0..MOST + 1000 {
            let user = UserId::new(format!("m{i}"));
            verified.keep((&"p".into(), &user), &PasswordHash::new("phc"), &Secret::new("right"));
        }
        assert!(verified.seen.len() <= MOST);
    }
}
