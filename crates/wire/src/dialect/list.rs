//! The dialects that a server speaks.

use super::{Dialect, alpaca, rfc};
use mandate_core::platform;

/// The dialects that a server speaks. Cheap to copy.
#[derive(Debug, Clone, Copy)]
pub struct Dialects(&'static [&'static dyn Dialect]);

impl Dialects {
    /// Those that come with Mandate.
    pub const fn shipped() -> Self {
        Self(&[&rfc::Rfc, &alpaca::Alpaca])
    }
    /// These. No two may have one word, and there is at least one.
    pub const fn of(list: &'static [&'static dyn Dialect]) -> Self {
        Self(list)
    }
    /// All of them.
    pub fn iter(self) -> impl Iterator<Item = &'static dyn Dialect> {
        self.0.iter().copied()
    }
    /// The one with this handle.
    pub fn get(self, dialect: platform::Dialect) -> Option<&'static dyn Dialect> {
        self.iter().find(|known| known.dialect() == dialect)
    }
    /// Their handles.
    pub fn handles(self) -> impl Iterator<Item = platform::Dialect> {
        self.iter().map(Dialect::dialect)
    }
    /// Every dialect with its word in platform files.
    pub fn words(self) -> Vec<(&'static str, platform::Dialect)> {
        self.handles().map(|dialect| (dialect.as_str(), dialect)).collect()
    }
}
