//! Facts about a refusal, and who may be told which (DESIGN D3, SECURITY R6).
//!
//! A fact has a tier. A view of the facts is typed by the tier its reader has proven, and only views up to
//! [`Holder`] can enter a response body: handing an owner's view to a body renderer does not compile.
//!
//! ```compile_fail
//! use mandate_core::disclosure::*;
//! fn body<T: BodyTier>(_: View<'_, T>) {}
//! fn leak(facts: &Facts, owner: &OwnerProof) { body(facts.for_owner(owner)) }
//! ```
//! ```
//! use mandate_core::disclosure::*;
//! fn body<T: BodyTier>(_: View<'_, T>) {}
//! fn fine(facts: &Facts, proof: &PossessionProof) { body(facts.for_holder(proof)); body(facts.public()) }
//! ```

mod fact;

pub use fact::{Fact, FactName, Value};

use crate::{PartnerId, UserId};
use std::marker::PhantomData;

/// How much a reader must have proven to be told a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// The request itself shows it.
    Public,
    /// The holder of the credential may know it.
    Holder,
    /// The one it is about may know it.
    Owner,
}

impl Tier {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Holder => "holder",
            Self::Owner => "owner",
        }
    }
}

/// Whose fact it is (SECURITY R6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum About {
    /// The credential presented.
    Credential,
    /// The owner of the account.
    AccountOwner,
    /// The developer of the client.
    ClientDeveloper,
    /// The partner.
    Partner,
    /// The operator.
    Operator,
}

impl About {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::AccountOwner => "account_owner",
            Self::ClientDeveloper => "client_developer",
            Self::Partner => "partner",
            Self::Operator => "operator",
        }
    }
}

/// Marker: nothing was proven.
#[derive(Debug, Clone, Copy)]
pub enum Public {}
/// Marker: possession of the credential was proven.
#[derive(Debug, Clone, Copy)]
pub enum Holder {}
/// Marker: the reader is one whom the facts are about.
#[derive(Debug, Clone, Copy)]
pub enum Owner {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Public {}
    impl Sealed for super::Holder {}
    impl Sealed for super::Owner {}
}

/// The tiers that may enter a response body.
pub trait BodyTier: sealed::Sealed {}
impl BodyTier for Public {}
impl BodyTier for Holder {}

/// Proof that the request held a genuine credential. Only `policy::identify`, the client-authentication rule and those of
/// refresh tokens and machines make one.
#[derive(Debug, Clone, Copy)]
pub struct PossessionProof(pub(crate) ());

/// The persons and parties whom a refusal is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subjects {
    /// Owner of the account.
    pub account_owner: Option<UserId>,
    /// Developer of the client.
    pub client_developer: Option<UserId>,
    /// The partner concerned.
    pub partner: Option<PartnerId>,
}

/// Whom a reader has proven to be, on the platform of the refusal.
#[derive(Clone, Debug)]
pub enum Reader {
    /// A signed-in user.
    User(UserId),
    /// A partner, by its key.
    Partner(PartnerId),
    /// An operator of this platform.
    Operator,
}

/// Proof that the reader is one whom the refusal is about.
#[derive(Debug, Clone)]
pub struct OwnerProof {
    abouts: Vec<About>,
}

impl OwnerProof {
    /// What of a refusal this reader may see; `None` when it is not about this reader at all.
    pub fn of(reader: &Reader, subjects: &Subjects) -> Option<Self> {
        let mut abouts = Vec::new();
        match reader {
            Reader::Operator => {
                abouts.extend([
                    About::Credential,
                    About::AccountOwner,
                    About::ClientDeveloper,
                    About::Partner,
                    About::Operator,
                ]);
            }
            Reader::User(user) => {
                if subjects.account_owner.as_ref() == Some(user) {
                    abouts.extend([About::Credential, About::AccountOwner]);
                }
                if subjects.client_developer.as_ref() == Some(user) {
                    abouts.push(About::ClientDeveloper);
                }
            }
            Reader::Partner(partner) => {
                if subjects.partner.as_ref() == Some(partner) {
                    abouts.extend([About::Credential, About::Partner]);
                }
            }
        }
        if abouts.is_empty() { None } else { Some(Self { abouts }) }
    }

    fn sees(&self, fact: &Fact) -> bool {
        match fact.name.tier() {
            Tier::Public => true,
            Tier::Holder => {
                self.abouts.contains(&About::Credential) || self.abouts.contains(&fact.name.about())
            }
            Tier::Owner => self.abouts.contains(&fact.name.about()),
        }
    }
}

/// The facts of one refusal. They can be read through a [`View`] only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts(Vec<Fact>);

impl Facts {
    /// No facts.
    pub fn none() -> Self {
        Self::default()
    }
    /// Adds a fact.
    #[must_use]
    pub fn with(mut self, name: FactName, value: impl Into<Value>) -> Self {
        self.0.push(Fact { name, value: value.into() });
        self
    }
    /// Adds a fact if there is one.
    #[must_use]
    pub fn with_some<V: Into<Value>>(self, name: FactName, value: Option<V>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
    /// What anybody may see.
    pub fn public(&self) -> View<'_, Public> {
        View { shown: self.0.iter().filter(|f| f.name.tier() == Tier::Public).collect(), tier: PhantomData }
    }
    /// What the holder of the credential may see.
    pub fn for_holder(&self, _proof: &PossessionProof) -> View<'_, Holder> {
        View { shown: self.0.iter().filter(|f| f.name.tier() <= Tier::Holder).collect(), tier: PhantomData }
    }
    /// What this owner, developer, partner or operator may see.
    pub fn for_owner(&self, proof: &OwnerProof) -> View<'_, Owner> {
        View { shown: self.0.iter().filter(|f| proof.sees(f)).collect(), tier: PhantomData }
    }
    /// All of them, for the record that the store keeps. Never for a renderer.
    pub fn for_record(&self) -> &[Fact] {
        &self.0
    }
}

impl FromIterator<Fact> for Facts {
    /// Rebuilds the facts from a record.
    fn from_iter<I: IntoIterator<Item = Fact>>(iter: I) -> Self {
        Self(iter.into_iter().collect())
    }
}

/// Facts that a reader of tier `T` may see.
#[derive(Clone, Debug)]
pub struct View<'a, T> {
    shown: Vec<&'a Fact>,
    tier: PhantomData<T>,
}

impl<'a, T> View<'a, T> {
    /// The facts, in the order they were found.
    pub fn iter(&self) -> impl Iterator<Item = &'a Fact> + '_ {
        self.shown.iter().copied()
    }
    /// The value of a fact, if it may be seen.
    pub fn get(&self, name: FactName) -> Option<&'a Value> {
        self.shown.iter().find(|f| f.name == name).map(|f| &f.value)
    }
    /// Replaces each `{fact_name}` of a template of the catalogue with the fact's value. A placeholder whose fact
    /// is not in view becomes "(not shown)"; the catalogue's test keeps that from happening in bodies.
    pub fn fill(&self, template: &str) -> String {
        let mut out = String::with_capacity(template.len() + 32);
        let mut rest = template;
        while let Some(open) = rest.find('{') {
            let (before, after) = rest.split_at(open);
            out.push_str(before);
            let Some(close) = after.find('}') else {
                out.push_str(after);
                return out;
            };
            let name = &after[1..close];
            match self.shown.iter().find(|f| f.name.as_str() == name) {
                Some(fact) => out.push_str(&fact.value.in_words()),
                None => out.push_str("(not shown)"),
            }
            rest = &after[close + 1..];
        }
        out.push_str(rest);
        out
    }
}
