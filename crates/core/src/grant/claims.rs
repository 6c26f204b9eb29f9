//! Claims that an app asks for one by one (OpenID Connect Core section 5.5).

/// How people sign in here, as `acr` (OpenID Connect Core section 2): by name and password, in one way.
pub const ACR: &str = "urn:mandate:password";

/// What the `claims` parameter asks for. Names that are not known here are left out: asking for them is no error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimsWish {
    /// To be told at the userinfo endpoint.
    pub userinfo: Vec<&'static str>,
    /// To stand in the ID token.
    pub id_token: Vec<&'static str>,
    /// The person that is meant: `sub` with a value; several values that differ can be nobody's.
    pub subject: Option<Box<str>>,
    /// The ways of signing in that must be met: `acr` as essential, with values.
    pub essential_acr: Option<Vec<Box<str>>>,
}

/// Claims about people that can be asked for, and the scope that holds each.
const KNOWN: [(&str, &str); 4] =
    [("name", "profile"), ("preferred_username", "profile"), ("email", "email"), ("email_verified", "email")];

/// A claim that can be asked for, as it is named here.
pub fn known_claim(name: &str) -> Option<&'static str> {
    KNOWN.iter().find(|(known, _)| *known == name).map(|(known, _)| *known)
}

/// The scope that holds a claim.
pub fn scope_of_claim(name: &str) -> Option<&'static str> {
    KNOWN.iter().find(|(known, _)| *known == name).map(|(_, scope)| *scope)
}

impl ClaimsWish {
    /// The scopes that hold what is asked for: the owner is asked for those, so that nobody is told what was not agreed to.
    pub fn scopes(&self) -> impl Iterator<Item = &'static str> {
        self.userinfo.iter().chain(&self.id_token).filter_map(|name| scope_of_claim(name))
    }
    /// Whether the way in which people sign in here will do.
    pub fn acr_is_met(&self) -> bool {
        self.essential_acr.as_ref().is_none_or(|values| values.iter().any(|value| **value == *ACR))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oidc_core_5_5_1_1_essential_acr_is_met_or_not() {
        let wish = |values: &[&str]| ClaimsWish {
            essential_acr: Some(values.iter().map(|v| Box::from(*v)).collect()),
            ..ClaimsWish::default()
        };
        assert!(ClaimsWish::default().acr_is_met());
        assert!(wish(&["urn:other", ACR]).acr_is_met());
        assert!(!wish(&["urn:other"]).acr_is_met() && !wish(&[]).acr_is_met());
    }

    #[test]
    fn oidc_core_5_4_claims_belong_to_scopes() {
        let wish = ClaimsWish { userinfo: vec!["email"], id_token: vec!["name"], ..ClaimsWish::default() };
        assert_eq!(wish.scopes().collect::<Vec<_>>(), ["email", "profile"]);
        assert_eq!((known_claim("phone_number"), scope_of_claim("sub")), (None, None));
    }
}
