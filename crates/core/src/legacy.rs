//! What clients of older times need: allowed by the platform file alone, never to a client on a strict profile, and counted
//! so that operators see who still needs it (DESIGN D15).

use crate::disclosure::FactName;
use crate::platform::Legacy;
use crate::refusal::Refusal;
use crate::settings::{AuthMethod, ClientSettings};
use crate::{Cause, ClientId, Timestamp};

/// One thing of older times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LegacyUse {
    /// A machine signed on with name and password (RFC 6749 section 4.3).
    PasswordGrant,
    /// An access token came from the authorization endpoint (RFC 6749 section 4.2).
    Implicit,
    /// A client that is registered otherwise sent its secret in a body (RFC 6749 section 2.3.1).
    SecretInBody,
    /// An access token without an end was handed out.
    NonExpiringToken,
}

impl LegacyUse {
    /// Every one, in the order of platform files.
    pub const ALL: [Self; 4] =
        [Self::PasswordGrant, Self::Implicit, Self::SecretInBody, Self::NonExpiringToken];
    /// Its key in the table `legacy` of platform files; also its word in stores and lists.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PasswordGrant => "password_grant",
            Self::Implicit => "implicit",
            Self::SecretInBody => "secrets_in_body",
            Self::NonExpiringToken => "non_expiring_tokens",
        }
    }
    /// The one with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }
    /// What it is, for people.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::PasswordGrant => "signing on with name and password",
            Self::Implicit => "access tokens from the authorization endpoint",
            Self::SecretInBody => "client secrets in bodies",
            Self::NonExpiringToken => "access tokens without an end",
        }
    }
    /// What to use in its place.
    pub const fn instead(self) -> &'static str {
        match self {
            Self::PasswordGrant => "client_credentials with private_key_jwt",
            Self::Implicit => "response_type=code with PKCE",
            Self::SecretInBody => "private_key_jwt, HTTP Basic, or a registration as client_secret_post",
            Self::NonExpiringToken => "access_lifetime_s, and refresh tokens",
        }
    }
    /// Where the platform file says so.
    pub const fn platform_key(self) -> &'static str {
        match self {
            Self::PasswordGrant => "legacy.password_grant",
            Self::Implicit => "legacy.implicit",
            Self::SecretInBody => "legacy.secrets_in_body",
            Self::NonExpiringToken => "legacy.non_expiring_tokens",
        }
    }
}

impl Legacy {
    /// Whether the file allows it at all.
    pub const fn allows(self, what: LegacyUse) -> bool {
        match what {
            LegacyUse::PasswordGrant => self.password_grant,
            LegacyUse::Implicit => self.implicit,
            LegacyUse::SecretInBody => self.secrets_in_body,
            LegacyUse::NonExpiringToken => self.non_expiring_tokens,
        }
    }

    /// Whether it is allowed to this client.
    ///
    /// # Errors
    /// The file does not say so, or the client is on a strict profile.
    pub fn demand(self, what: LegacyUse, settings: &ClientSettings) -> Result<(), Box<Refusal>> {
        if self.allows(what) && !settings.profile.is_strict() {
            return Ok(());
        }
        Err(Box::new(
            Refusal::anonymous(Cause::LegacyOff)
                .with(FactName::Received, what.in_words())
                .with(FactName::Expected, what.instead())
                .with(FactName::PlatformKey, what.platform_key()),
        ))
    }

    /// Whether a secret of this client may stand in a body: `Ok(Some(_))` if only because the file says so.
    ///
    /// # Errors
    /// The client is registered otherwise, and nothing of older times is allowed to it.
    pub fn secret_in_body(self, settings: &ClientSettings) -> Result<Option<LegacyUse>, Box<Refusal>> {
        match settings.auth_method {
            AuthMethod::SecretPost => Ok(None),
            AuthMethod::SecretBasic
                if self.allows(LegacyUse::SecretInBody) && !settings.profile.is_strict() =>
            {
                Ok(Some(LegacyUse::SecretInBody))
            }
            registered => Err(Box::new(
                Refusal::anonymous(Cause::ClientMethodWrong)
                    .with(
                        FactName::Defect,
                        format!(
                            "it came by {}, its registration says {}",
                            AuthMethod::SecretPost.as_str(),
                            registered.as_str()
                        ),
                    )
                    .with(FactName::PlatformKey, LegacyUse::SecretInBody.platform_key()),
            )),
        }
    }
}

/// How often a client used something of older times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegacyCount {
    /// Who.
    pub client: ClientId,
    /// What.
    pub what: LegacyUse,
    /// How often.
    pub times: u64,
    /// When for the first time.
    pub first: Timestamp,
    /// When for the last time.
    pub last: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Profile;

    const ALL_ON: Legacy =
        Legacy { password_grant: true, implicit: true, secrets_in_body: true, non_expiring_tokens: true };

    fn strict() -> ClientSettings {
        ClientSettings { profile: Profile::Fapi2, ..ClientSettings::default() }
    }

    #[test]
    fn each_key_switches_on_what_it_names() {
        for what in LegacyUse::ALL {
            assert_eq!(LegacyUse::from_word(what.as_str()), Some(what));
            assert_eq!(what.platform_key(), format!("legacy.{}", what.as_str()));
            assert!(!Legacy::default().allows(what) && ALL_ON.allows(what));
            let switch = |(key, on): (&str, bool)| on && key == what.as_str();
            assert!(ALL_ON.switches().into_iter().any(switch));
            assert!(ALL_ON.demand(what, &ClientSettings::default()).is_ok());
        }
    }

    #[test]
    fn what_is_off_is_refused_with_its_key_for_operators() {
        for what in LegacyUse::ALL {
            let refusal = Legacy::default().demand(what, &ClientSettings::default()).unwrap_err();
            let facts = refusal.facts.for_record();
            let key = facts.iter().find(|fact| fact.name == FactName::PlatformKey).unwrap();
            assert_eq!((refusal.cause, key.value.in_words()), (Cause::LegacyOff, what.platform_key().into()));
            assert!(refusal.facts.public().get(FactName::PlatformKey).is_none());
        }
    }

    #[test]
    fn r22_nothing_of_it_reaches_a_strict_client() {
        for what in LegacyUse::ALL {
            assert!(ALL_ON.demand(what, &strict()).is_err(), "{what:?}");
        }
        assert!(ALL_ON.secret_in_body(&strict()).is_err());
    }

    #[test]
    fn secrets_stand_in_bodies_by_registration_or_by_the_file() {
        let registered = |auth_method| ClientSettings { auth_method, ..ClientSettings::default() };
        let (basic, post) = (registered(AuthMethod::SecretBasic), registered(AuthMethod::SecretPost));
        for legacy in [Legacy::default(), ALL_ON] {
            assert_eq!(legacy.secret_in_body(&post).ok(), Some(None));
            for other in [AuthMethod::PrivateKeyJwt, AuthMethod::TlsClientAuth, AuthMethod::None] {
                assert!(legacy.secret_in_body(&registered(other)).is_err(), "{other:?}");
            }
        }
        assert_eq!(ALL_ON.secret_in_body(&basic).ok(), Some(Some(LegacyUse::SecretInBody)));
        let refusal = Legacy::default().secret_in_body(&basic).unwrap_err();
        assert_eq!(refusal.cause, Cause::ClientMethodWrong);
    }
}
