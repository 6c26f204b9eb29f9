//! Rules of the RFCs by id, so that each can be shown to matter.
//!
//! `tests/must/` lists every rule with the test that fails without it; `tests/tools/musts run` builds with the feature
//! `mutations`, switches off one rule after the other and wants that test to fail. In any other build the macro is the
//! condition itself.

/// Whether a rule refuses: `must!("rfc7636-4.6-mismatch", shown != wanted)` is true if the rule is in force and the
/// condition, under which it refuses, holds. With the id alone it says whether the rule is in force: for what has to be
/// done rather than refused.
///
/// The id is `DOCUMENT-SECTION-WORD`, and stands in one place of the code.
#[macro_export]
macro_rules! must {
    ($id:literal) => {
        $crate::must::holds($id)
    };
    ($id:literal, $refuses:expr) => {
        $crate::must::holds($id) && $refuses
    };
}

/// Whether the rule is in force: always.
#[cfg(not(feature = "mutations"))]
#[inline(always)]
#[must_use]
#[expect(clippy::inline_always, reason = "so that nothing of it is left: rules stand in the hot path")]
pub const fn holds(_rule: &'static str) -> bool {
    true
}

/// Whether the rule is in force: unless it is the one that `MANDATE_MUTATION` names.
#[cfg(feature = "mutations")]
#[must_use]
pub fn holds(rule: &'static str) -> bool {
    static OFF: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    OFF.get_or_init(|| std::env::var("MANDATE_MUTATION").ok()).as_deref() != Some(rule)
}

#[cfg(all(feature = "mutations", not(debug_assertions)))]
compile_error!(
    "the feature `mutations` lets a rule be switched off: it is for tests, never for a release build"
);

#[cfg(test)]
mod tests {
    #[test]
    fn a_rule_that_is_not_switched_off_refuses_on_its_condition_alone() {
        assert!(must!("test-1-a"));
        assert!(must!("test-1-b", 1 < 2));
        assert!(!must!("test-1-c", 2 < 1));
    }
}
