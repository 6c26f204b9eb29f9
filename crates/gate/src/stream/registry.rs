//! The open streams: who has to look again when something happens, and how many there are.

use crate::limit::Source;
use crate::locked;
use crate::site::Site;
use mandate_core::model::{GrantedBy, KeyHolder};
use mandate_core::policy::{MeterKey, Principal};
use mandate_core::{LogEntry, PlatformId, SubjectKind, Timestamp};
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeSet, HashMap};
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// Something that a stream is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum News {
    /// Decide on it again.
    Again = 1,
    /// This node no longer knows what has been revoked.
    LeaseLost = 2,
    /// The server stops.
    Stop = 4,
}

/// Where one stream is told news.
#[derive(Debug, Default)]
pub(super) struct Ear {
    news: AtomicU8,
    wake: Notify,
}

impl Ear {
    pub(super) fn tell(&self, news: News) {
        self.news.fetch_or(news as u8, Ordering::AcqRel);
        self.wake.notify_one();
    }
    /// Waits for news. Nothing is lost if this is given up and begun anew.
    pub(super) async fn listen(&self) {
        while self.news.load(Ordering::Acquire) == 0 {
            self.wake.notified().await;
        }
    }
    /// The news so far, the gravest one alone.
    pub(super) fn take(&self) -> Option<News> {
        let news = self.news.swap(0, Ordering::AcqRel);
        [News::Stop, News::LeaseLost, News::Again].into_iter().find(|n| news & *n as u8 != 0)
    }
}

/// One place among those that an account has on a path.
type Seat = Arc<(PlatformId, MeterKey, Box<str>)>;

#[derive(Debug)]
struct Entry {
    ear: Arc<Ear>,
    /// What it hangs from, and its platform.
    subjects: Box<[u64]>,
    ends_at: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    entries: HashMap<u64, Entry>,
    by_subject: HashMap<u64, Vec<u64>>,
    by_end: BTreeSet<(Timestamp, u64)>,
    seats: HashMap<Seat, u32>,
    waiting: HashMap<Source, u32>,
    waiting_in_all: u32,
}

/// The open streams of a gate.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    open: Mutex<Open>,
    sites: Mutex<HashMap<PlatformId, Vec<Arc<Site>>>>,
    stopping: AtomicBool,
}

/// A subject as a number. Two that share one make a stream look once too often, never once too seldom.
fn subject(platform: &PlatformId, kind: SubjectKind, id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (platform.as_str(), kind, id).hash(&mut hasher);
    hasher.finish()
}

/// Everything whose end would end what this caller may do.
fn subjects(platform: &PlatformId, principal: &Principal) -> Box<[u64]> {
    let mut found = vec![subject(platform, SubjectKind::Platform, platform.as_str())];
    let mut add = |kind, id: &str| found.push(subject(platform, kind, id));
    match principal {
        Principal::Key(facts) => {
            add(SubjectKind::Key, facts.key.id.as_str());
            match &facts.key.holder {
                KeyHolder::Account(account) => add(SubjectKind::Account, account.as_str()),
                KeyHolder::Partner(partner) => add(SubjectKind::Partner, partner.as_str()),
            }
        }
        Principal::Token(facts) => {
            add(SubjectKind::Token, facts.token.handle.as_str());
            if let Some(chain) = &facts.token.chain {
                add(SubjectKind::Token, chain.as_str());
            }
            if let Some(key) = &facts.token.signed_by {
                add(SubjectKind::SigningKey, key);
            }
            add(SubjectKind::Grant, facts.grant.id.as_str());
            add(SubjectKind::Client, facts.client.id.as_str());
            if let Some(user) = &facts.grant.user {
                add(SubjectKind::User, user.as_str());
            }
            if let GrantedBy::Partner(partner) = &facts.grant.granted_by {
                add(SubjectKind::Partner, partner.as_str());
            }
            for account in &facts.accounts {
                add(SubjectKind::Account, account.id.as_str());
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found.into()
}

fn ends_at(principal: &Principal) -> Option<Timestamp> {
    match principal {
        // a key that was replaced with an overlap ends by the clock, without a further entry in the log
        Principal::Key(facts) => facts.key.ended.as_ref().map(|ended| ended.at),
        Principal::Token(facts) => {
            let client = facts.client.expires_at;
            [facts.token.expires_at, client].into_iter().flatten().min()
        }
    }
}

impl Streams {
    /// Enters a stream, which is told news from now on. It is told to decide again at once, so that nothing that
    /// happened while it was being opened is missed.
    pub(super) fn enter(self: &Arc<Self>, platform: &PlatformId, principal: &Principal) -> Ticket {
        let ear = Arc::new(Ear::default());
        let mut open = locked(&self.open);
        let id = open.next;
        open.next += 1;
        open.insert(
            id,
            Entry { ear: ear.clone(), subjects: subjects(platform, principal), ends_at: ends_at(principal) },
        );
        drop(open);
        ear.tell(if self.is_stopping() { News::Stop } else { News::Again });
        Ticket { streams: self.clone(), id, ear, seat: None }
    }

    /// Takes a place for one that waits for its login; `None` if too many do.
    pub(super) fn wait(self: &Arc<Self>, from: Source, most_from_one: u32, most: u32) -> Option<Waiting> {
        let mut open = locked(&self.open);
        if open.waiting_in_all >= most || open.waiting.get(&from).is_some_and(|n| *n >= most_from_one) {
            return None;
        }
        open.waiting_in_all += 1;
        *open.waiting.entry(from).or_default() += 1;
        Some(Waiting { streams: self.clone(), from })
    }

    /// Entries of the log, in any order and any number of times.
    pub(super) fn hear(&self, entries: &[LogEntry]) {
        let open = locked(&self.open);
        if open.entries.is_empty() {
            return;
        }
        for entry in entries {
            open.tell(subject(&entry.subject.platform, entry.subject.kind, &entry.subject.id));
        }
    }

    /// The platforms as they stand now. Streams of those that changed, or are gone, are decided on again.
    pub(super) fn adopt(&self, sites: HashMap<PlatformId, Vec<Arc<Site>>>) {
        let revision = |sites: Option<&Vec<Arc<Site>>>| Some(sites?.first()?.snapshot.revision);
        let mut standing = locked(&self.sites);
        let changed: Vec<PlatformId> = standing
            .keys()
            .filter(|platform| revision(standing.get(*platform)) != revision(sites.get(*platform)))
            .cloned()
            .collect();
        *standing = sites;
        drop(standing);
        let open = locked(&self.open);
        for platform in &changed {
            open.tell(subject(platform, SubjectKind::Platform, platform.as_str()));
        }
    }

    /// The host that a stream came to, as it stands now; `None` if it is gone.
    pub(super) fn latest(&self, site: &Site) -> Option<Site> {
        let sites = locked(&self.sites);
        let Some(now) = sites.get(&site.snapshot.platform.id) else {
            // a gate that is never told of changes keeps what it has
            return sites.is_empty().then(|| site.clone());
        };
        let name = &site.host()?.name;
        now.iter().find(|s| s.host().is_some_and(|h| h.name == *name)).map(|s| Site::clone(s))
    }

    /// Tells those whose time is over.
    pub(super) fn due(&self, now: Timestamp) {
        let mut open = locked(&self.open);
        while let Some((at, id)) = open.by_end.first().copied().filter(|(at, _)| *at <= now) {
            open.by_end.remove(&(at, id));
            if let Some(entry) = open.entries.get(&id) {
                entry.ear.tell(News::Again);
            }
        }
    }

    /// Tells all of them.
    pub(super) fn tell_all(&self, news: News) {
        locked(&self.open).entries.values().for_each(|entry| entry.ear.tell(news));
    }

    /// Ends them all, and those that come.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.tell_all(News::Stop);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    pub(crate) fn len(&self) -> usize {
        locked(&self.open).entries.len()
    }
}

impl Open {
    fn insert(&mut self, id: u64, entry: Entry) {
        for subject in &entry.subjects {
            self.by_subject.entry(*subject).or_default().push(id);
        }
        if let Some(at) = entry.ends_at {
            self.by_end.insert((at, id));
        }
        self.entries.insert(id, entry);
    }

    fn remove(&mut self, id: u64) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        for subject in &entry.subjects {
            if let Some(ids) = self.by_subject.get_mut(subject) {
                if let Some(at) = ids.iter().position(|other| *other == id) {
                    ids.swap_remove(at);
                }
                if ids.is_empty() {
                    self.by_subject.remove(subject);
                }
            }
        }
        if let Some(at) = entry.ends_at {
            self.by_end.remove(&(at, id));
        }
        Some(entry)
    }

    fn tell(&self, subject: u64) {
        for id in self.by_subject.get(&subject).into_iter().flatten() {
            if let Some(entry) = self.entries.get(id) {
                entry.ear.tell(News::Again);
            }
        }
    }
}

/// A stream's entry. Gone with it.
#[derive(Debug)]
pub(super) struct Ticket {
    streams: Arc<Streams>,
    id: u64,
    pub(super) ear: Arc<Ear>,
    seat: Option<Seat>,
}

impl Ticket {
    /// Takes one of the places that there are for this account on this path.
    ///
    /// # Errors
    /// All of them are taken.
    pub(super) fn sit(
        &mut self,
        platform: &PlatformId,
        who: &MeterKey,
        path: &str,
        most: u32,
    ) -> Result<(), ()> {
        let seat: Seat = Arc::new((platform.clone(), who.clone(), path.into()));
        let mut open = locked(&self.streams.open);
        let taken = open.seats.entry(seat.clone()).or_default();
        if *taken >= most {
            return Err(());
        }
        *taken += 1;
        self.seat = Some(seat);
        Ok(())
    }

    /// The stream hangs from this caller now.
    pub(super) fn renew(&self, platform: &PlatformId, principal: &Principal) {
        let mut open = locked(&self.streams.open);
        if let Some(before) = open.remove(self.id) {
            let entry = Entry {
                ear: before.ear,
                subjects: subjects(platform, principal),
                ends_at: ends_at(principal),
            };
            open.insert(self.id, entry);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut open = locked(&self.streams.open);
        open.remove(self.id);
        if let Some(seat) = &self.seat
            && let Some(taken) = open.seats.get_mut(seat)
        {
            *taken -= 1;
            if *taken == 0 {
                open.seats.remove(seat);
            }
        }
    }
}

/// A place of one that waits for its login.
#[derive(Debug)]
pub(super) struct Waiting {
    streams: Arc<Streams>,
    from: Source,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut open = locked(&self.streams.open);
        open.waiting_in_all -= 1;
        if let Some(waiting) = open.waiting.get_mut(&self.from) {
            *waiting -= 1;
            if *waiting == 0 {
                open.waiting.remove(&self.from);
            }
        }
    }
}

#[cfg(test)]
mod tests;
