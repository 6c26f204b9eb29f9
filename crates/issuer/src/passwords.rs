//! Passwords of people and machines: argon2id on blocking threads, behind a bounded queue that is shared fairly (SECURITY R5).

use crate::Fail;
use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use mandate_core::disclosure::FactName;
use mandate_core::model::PasswordHash;
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, Entropy, PlatformId, Secret, UserId};
use mandate_store::Feed;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

mod verified;

use verified::Verified;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// What a password is compared with when there is no user of that name: same parameters, no known preimage.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bWFuZGF0ZS1ub2JvZHkhIQ$1PhxvD6gFyK9bt55pxBpl+z4woUM7O2xJkLmHmHEjVo";

/// Why no verdict on a password was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFault {
    /// Too many are waiting, in all or for this asker.
    #[error("too many passwords are waiting to be verified")]
    Busy,
    /// The library or the thread gave up.
    #[error("the password could not be hashed")]
    Broken,
}

impl From<PasswordFault> for Fail {
    fn from(fault: PasswordFault) -> Self {
        match fault {
            PasswordFault::Busy => {
                Refusal::anonymous(Cause::SignInThrottled).with(FactName::RetryAfter, 1).into()
            }
            PasswordFault::Broken => {
                tracing::error!(%fault, "password hashing failed");
                Refusal::anonymous(Cause::Internal).into()
            }
        }
    }
}

/// Hashes and verifies passwords, a few at a time.
#[derive(Debug)]
pub struct Passwords {
    threads: Arc<Semaphore>,
    capacity: usize,
    share: usize,
    waiting: Arc<Mutex<HashMap<String, usize>>>,
    done: AtomicU64,
    verified: Arc<Verified>,
}

/// A machine by platform and id, and its stored hash.
pub type MachinePassword<'a> = ((&'a PlatformId, &'a UserId), &'a PasswordHash);

impl Passwords {
    /// At most `permits` at work and `queue` more waiting.
    pub fn new(permits: usize, queue: usize, entropy: &dyn Entropy) -> Self {
        Self {
            threads: Arc::new(Semaphore::new(permits.max(1))),
            capacity: permits.max(1) + queue.max(1),
            share: queue.div_ceil(4).max(1),
            waiting: Arc::default(),
            done: AtomicU64::new(0),
            verified: Arc::new(Verified::new(entropy)),
        }
    }

    /// Forgets from now on whom the log speaks of.
    pub fn follow(&self, feed: &Feed) {
        let verified = self.verified.clone();
        feed.listen(Arc::new(move |entries| verified.hear(entries)));
    }

    /// As [`Self::verify`], for a machine, which shows its password often: what was verified is not digested again
    /// (SECURITY R5). `None` costs what a machine with a wrong password does.
    ///
    /// # Errors
    /// Nothing was compared.
    pub async fn verify_machine(
        &self,
        asker: &str,
        password: &Secret,
        machine: Option<MachinePassword<'_>>,
    ) -> Result<bool, PasswordFault> {
        if machine.is_some_and(|(of, hash)| self.verified.knows(of, hash, password)) {
            return Ok(true);
        }
        let matched = self.verify(asker, password, machine.map(|(_, hash)| hash)).await?;
        if let Some((of, hash)) = machine.filter(|_| matched) {
            self.verified.keep(of, hash, password);
        }
        Ok(matched)
    }

    /// Whether the password is the one of `hash`. Without a hash the same work is done in vain, so that unknown names
    /// cost what known ones do (SECURITY R7). One asker may hold a quarter of the queue.
    ///
    /// # Errors
    /// Nothing was compared.
    pub async fn verify(
        &self,
        asker: &str,
        password: &Secret,
        hash: Option<&PasswordHash>,
    ) -> Result<bool, PasswordFault> {
        let known = hash.is_some();
        let phc = hash.map_or(NOBODYS, PasswordHash::expose).to_owned();
        let password = password.clone();
        let matched = self
            .run(asker, move || match phc::PasswordHash::new(&phc) {
                Ok(parsed) => Ok(argon2()?.verify_password(password.expose().as_bytes(), &parsed).is_ok()),
                Err(_) => Err(PasswordFault::Broken),
            })
            .await?;
        Ok(matched & known)
    }

    /// The hash to store for a new password.
    ///
    /// # Errors
    /// Nothing was hashed.
    pub async fn hash(
        &self,
        password: &Secret,
        entropy: &dyn Entropy,
    ) -> Result<PasswordHash, PasswordFault> {
        let mut salt = [0u8; 16];
        entropy.fill(&mut salt);
        let password = password.clone();
        self.run("hash", move || {
            let hash: phc::PasswordHash = argon2()?
                .hash_password_with_salt(password.expose().as_bytes(), &salt)
                .map_err(|_| PasswordFault::Broken)?;
            Ok(PasswordHash::new(hash.to_string()))
        })
        .await
    }

    /// Digests made so far: a metric, and what shows that unknown names cost the same (SECURITY R7).
    pub fn digests(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    async fn run<T: Send + 'static>(
        &self,
        asker: &str,
        work: impl FnOnce() -> Result<T, PasswordFault> + Send + 'static,
    ) -> Result<T, PasswordFault> {
        let place = self.place(asker)?;
        let permit = self.threads.clone().acquire_owned().await.map_err(|_| PasswordFault::Broken)?;
        self.done.fetch_add(1, Ordering::Relaxed);
        tokio::task::spawn_blocking(move || {
            // held until the work is done, even if the browser has gone away
            let _held = (place, permit);
            work()
        })
        .await
        .map_err(|_| PasswordFault::Broken)?
    }

    fn place(&self, asker: &str) -> Result<Place, PasswordFault> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = waiting.values().sum();
        let own = waiting.get(asker).copied().unwrap_or(0);
        if all >= self.capacity || own >= self.share {
            return Err(PasswordFault::Busy);
        }
        waiting.insert(asker.to_owned(), own + 1);
        Ok(Place { waiting: self.waiting.clone(), asker: asker.to_owned() })
    }
}

/// A place in the queue, given back when dropped.
struct Place {
    waiting: Arc<Mutex<HashMap<String, usize>>>,
    asker: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = waiting.get_mut(&self.asker) {
            *own -= 1;
            if *own == 0 {
                waiting.remove(&self.asker);
            }
        }
    }
}

fn argon2() -> Result<Argon2<'static>, PasswordFault> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| PasswordFault::Broken)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Sevens;
    impl Entropy for Sevens {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(7);
        }
    }

    #[tokio::test]
    async fn a_hash_verifies_its_password_only() {
        let passwords = Passwords::new(1, 4, &Sevens);
        let hash = passwords.hash(&Secret::new("correct horse"), &Sevens).await.unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(passwords.verify("a", &Secret::new("correct horse"), Some(&hash)).await.unwrap());
        assert!(!passwords.verify("a", &Secret::new("correct horsf"), Some(&hash)).await.unwrap());
    }

    #[tokio::test]
    async fn r07_unknown_names_cost_a_digest_of_the_same_size() {
        let passwords = Passwords::new(1, 4, &Sevens);
        let before = passwords.digests();
        assert!(!passwords.verify("a", &Secret::new("x"), None).await.unwrap());
        assert_eq!(passwords.digests(), before + 1);
        let parsed = phc::PasswordHash::new(NOBODYS).unwrap();
        let real = passwords.hash(&Secret::new("x"), &Sevens).await.unwrap();
        let real = phc::PasswordHash::new(real.expose()).unwrap();
        assert_eq!((parsed.params, parsed.version), (real.params, real.version));
        assert_eq!(parsed.salt.unwrap().len(), real.salt.unwrap().len());
        assert_eq!(parsed.hash.unwrap().len(), real.hash.unwrap().len());
    }

    #[tokio::test]
    async fn r05_the_queue_is_bounded_and_fair() {
        let passwords = Passwords::new(1, 8, &Sevens);
        let held: Vec<_> = (0..2).map(|_| passwords.place("loud").unwrap()).collect();
        assert!(matches!(passwords.place("loud"), Err(PasswordFault::Busy)), "a quarter is the share of one");
        let others: Vec<_> = (0..7).map(|i| passwords.place(&format!("other {i}")).unwrap()).collect();
        assert!(matches!(passwords.place("late"), Err(PasswordFault::Busy)), "the queue is full");
        drop((held, others));
        assert!(passwords.place("late").is_ok());
        assert!(passwords.waiting.lock().unwrap().is_empty());
    }
}
