//! Scopes (RFC 6749 section 3.3) and the algebra on sets of them.

use crate::must;
use std::{fmt, sync::Arc};

/// One scope word: `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )`, at most 128 bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(Arc<str>);

/// Why a text is no scope word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a scope word (RFC 6749 section 3.3: printable ASCII without space, quote and backslash)")]
pub struct NotAScope;

impl Scope {
    /// Checks the grammar of one word.
    pub fn new(word: &str) -> Result<Self, NotAScope> {
        let ok = !word.is_empty()
            && word.len() <= 128
            && word.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
        if must!("rfc6749-3.3-grammar", !ok) { Err(NotAScope) } else { Ok(Self(word.into())) }
    }
    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({})", self.0)
    }
}

/// A set of scopes; sorted, without repetition. Order on the wire carries no meaning.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct ScopeSet(Arc<[Scope]>);

impl ScopeSet {
    /// Parses a space-separated list; the empty text is the empty set. At most 64 words.
    pub fn parse(text: &str) -> Result<Self, NotAScope> {
        let words =
            text.split(' ').filter(|w| !w.is_empty()).map(Scope::new).collect::<Result<Vec<_>, _>>()?;
        if words.len() > 64 { Err(NotAScope) } else { Ok(words.into_iter().collect()) }
    }
    /// Whether it holds no scope.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// The scopes in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Scope> {
        self.0.iter()
    }
    /// Whether the scope is a member. Umbrellas are not expanded here.
    pub fn contains(&self, scope: &Scope) -> bool {
        self.0.binary_search(scope).is_ok()
    }
    /// Whether every member of `other` is a member of this set.
    pub fn covers(&self, other: &Self) -> bool {
        other.iter().all(|s| self.contains(s))
    }
    /// Members of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.iter().chain(other.iter()).cloned().collect()
    }
    /// Members of this set that are not in `other`.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        self.iter().filter(|s| !other.contains(s)).cloned().collect()
    }
    /// Members of both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.iter().filter(|s| other.contains(s)).cloned().collect()
    }
}

impl<'a> IntoIterator for &'a ScopeSet {
    type Item = &'a Scope;
    type IntoIter = std::slice::Iter<'a, Scope>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(iter: I) -> Self {
        let mut words: Vec<Scope> = iter.into_iter().collect();
        words.sort_unstable();
        words.dedup();
        Self(words.into())
    }
}
impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, scope) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.as_str())?;
        }
        Ok(())
    }
}
impl fmt::Debug for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScopeSet({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn grammar_is_the_rfcs() {
        assert!(Scope::new("account:write").is_ok());
        for bad in ["", "a b", "a\"b", "a\\b", "ä", "a\u{7f}"] {
            assert!(Scope::new(bad).is_err(), "{bad:?}");
        }
    }

    fn any_set() -> impl Strategy<Value = ScopeSet> {
        proptest::collection::vec("[a-e]", 0..6).prop_map(|v| ScopeSet::parse(&v.join(" ")).unwrap())
    }

    proptest! {
        #[test]
        fn algebra(a in any_set(), b in any_set()) {
            prop_assert!(a.union(&b).covers(&a));
            prop_assert!(a.covers(&a.intersection(&b)));
            prop_assert_eq!(a.without(&b).union(&a.intersection(&b)), a.clone());
            prop_assert_eq!(ScopeSet::parse(&a.to_string()).unwrap(), a);
        }
    }
}
