//! Whether the sign-in that a browser has will do for an authorization request (OpenID Connect Core section 3.1.2.1).

use crate::{Timestamp, UserId, must};

/// What a request wants of the sign-in.
#[derive(Clone, Copy, Debug)]
pub struct SignInRule<'a> {
    /// `prompt=login` or `select_account`: one made for this request.
    pub anew: bool,
    /// `max_age`, in seconds.
    pub max_age_s: Option<u32>,
    /// When the request came.
    pub begun: Timestamp,
    /// The person it must be, each time one is named: by `id_token_hint`, by `sub` in `claims`.
    pub people: [Option<&'a str>; 2],
}

/// Why a sign-in will not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInFault {
    /// It was too long ago.
    TooOld,
    /// It is somebody else's.
    OtherPerson,
}

impl SignInRule<'_> {
    /// Pure. A sign-in that was made for this request is never too old: `max_age=0` would otherwise ask for ever.
    pub fn check(&self, user: &UserId, signed_in_at: Timestamp, now: Timestamp) -> Result<(), SignInFault> {
        let for_this = signed_in_at >= self.begun;
        let older = |s: u32| now.millis_since(signed_in_at) > i64::from(s) * 1000;
        if must!("oidc-3.1.2.1-prompt-login", self.anew && !for_this) {
            return Err(SignInFault::TooOld);
        }
        if must!("oidc-3.1.2.1-max-age", !for_this && self.max_age_s.is_some_and(older)) {
            return Err(SignInFault::TooOld);
        }
        // OpenID Connect Core sections 3.1.2.2 and 5.5.1: never an answer about another person
        let other = self.people.into_iter().flatten().any(|person| person != user.as_str());
        if must!("oidc-3.1.2.2-other-person", other) {
            return Err(SignInFault::OtherPerson);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: SignInRule<'_>, signed_in_s: i64) -> Result<(), SignInFault> {
        let at = Timestamp::from_seconds;
        rule.check(&"ann".into(), at(signed_in_s), at(1100))
    }

    #[test]
    fn oidc_core_3_1_2_1_age_and_person() {
        let any = SignInRule {
            anew: false,
            max_age_s: None,
            begun: Timestamp::from_seconds(1000),
            people: [None, None],
        };
        let old = Err(SignInFault::TooOld);
        let other = Err(SignInFault::OtherPerson);
        for (name, rule, at, expected) in [
            ("any", any, 1, Ok(())),
            ("anew, before", SignInRule { anew: true, ..any }, 999, old),
            ("anew, since", SignInRule { anew: true, ..any }, 1000, Ok(())),
            ("young enough", SignInRule { max_age_s: Some(200), ..any }, 900, Ok(())),
            ("too old", SignInRule { max_age_s: Some(199), ..any }, 900, old),
            ("max_age=0, before", SignInRule { max_age_s: Some(0), ..any }, 999, old),
            ("max_age=0, since", SignInRule { max_age_s: Some(0), ..any }, 1000, Ok(())),
            ("the person", SignInRule { people: [Some("ann"), None], ..any }, 1, Ok(())),
            ("another", SignInRule { people: [Some("bob"), None], ..any }, 1, other),
            ("one of two", SignInRule { people: [Some("ann"), Some("bob")], ..any }, 1, other),
            ("old and another", SignInRule { anew: true, people: [Some("bob"), None], ..any }, 1, old),
        ] {
            assert_eq!(check(rule, at), expected, "{name}");
        }
    }
}
