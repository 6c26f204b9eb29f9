//! From a cause to what the catalogue says of it, and back.

use super::catalogue::ENTRIES;
use super::{Cause, Class, Entry};

impl Cause {
    /// Every cause, in the order of the catalogue.
    pub fn all() -> impl Iterator<Item = Self> {
        ENTRIES.iter().map(|e| e.cause)
    }
    /// Its entry.
    pub fn entry(self) -> &'static Entry {
        &ENTRIES[self as usize]
    }
    /// Its stable id.
    pub fn id(self) -> &'static str {
        self.entry().id
    }
    /// How surfaces answer it.
    pub fn class(self) -> Class {
        self.entry().class
    }
    /// The cause with this id.
    pub fn from_id(id: &str) -> Option<Self> {
        ENTRIES.iter().find(|e| e.id == id).map(|e| e.cause)
    }
    /// The number in sealed ids; stable within one version of the catalogue only.
    pub fn code(self) -> u16 {
        self as u16
    }
    /// The cause with this number.
    pub fn from_code(code: u16) -> Option<Self> {
        ENTRIES.get(usize::from(code)).map(|e| e.cause)
    }
    /// Whether a program that is refused for this may hope for better with a new token of the same grant. It says so to
    /// client libraries; nothing here is decided by it.
    pub fn renewal_may_help(self) -> bool {
        matches!(self, Self::TokenExpired | Self::TokenRevoked | Self::CredentialRejected)
    }
    /// Causes that only a record may name: the wire shows the merged one (SECURITY R7).
    pub fn is_record_only(self) -> bool {
        matches!(self, Self::CredentialUnknown | Self::CredentialSecretMismatch)
    }
}
