//! Signing out at an app's wish (OpenID Connect RP-Initiated Logout 1.0): who asks, where the browser may go afterwards,
//! and whether the person has to be asked first.

use crate::disclosure::{FactName, Subjects};
use crate::model::{Client, Session};
use crate::policy::developer;
use crate::refusal::Refusal;
use crate::{Cause, Timestamp, must, policy};

/// What a genuine ID token of ours says, expired or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdTokenHint {
    /// `aud`: the app it was issued to.
    pub client: Box<str>,
    /// `sub`
    pub user: Box<str>,
    /// `sid`: the browser session it came from.
    pub session: Option<Box<str>>,
}

/// A request to sign out.
#[derive(Clone, Copy, Debug, Default)]
pub struct SignOutRequest<'a> {
    /// `client_id`
    pub client_id: Option<&'a str>,
    /// `id_token_hint`, verified.
    pub hint: Option<&'a IdTokenHint>,
    /// `post_logout_redirect_uri`
    pub redirect_uri: Option<&'a str>,
}

impl<'a> SignOutRequest<'a> {
    /// The app that asks, as far as it says so (section 2).
    ///
    /// # Errors
    /// `client_id` and the ID token name two.
    pub fn client(&self) -> Result<Option<&'a str>, Box<Refusal>> {
        match (self.client_id, self.hint.map(|hint| &*hint.client)) {
            (Some(said), Some(meant)) if must!("rpl-2-client", said != meant) => Err(Box::new(
                Refusal::anonymous(Cause::ParameterInvalid)
                    .with(FactName::Parameter, "client_id")
                    .with(FactName::Defect, "the id_token_hint was issued to another client"),
            )),
            (said, meant) => Ok(said.or(meant)),
        }
    }

    /// Where the browser goes afterwards: nowhere, or to an address that the app registered for this, compared character
    /// by character (section 3). `client` is what stands under [`Self::client`].
    ///
    /// # Errors
    /// It asks for an address, and there is no app that registered it and may be used now.
    pub fn target(
        &self,
        client: Option<&Client>,
        contact: &str,
        now: Timestamp,
    ) -> Result<Option<&'a str>, Box<Refusal>> {
        let Some(wanted) = self.redirect_uri else { return Ok(None) };
        if self.client()?.is_none() {
            return Err(Box::new(
                Refusal::anonymous(Cause::ParameterMissing).with(FactName::Parameter, "client_id"),
            ));
        }
        let unknown = || Refusal::anonymous(Cause::ClientRejected).because(Cause::CredentialUnknown);
        let client = client.ok_or_else(unknown)?;
        policy::demand_usable(client, contact, now)?;
        let registered = client.settings.post_logout_redirect_uris.iter().any(|uri| **uri == *wanted);
        if !must!("rpl-3-registered", !registered) {
            return Ok(Some(wanted));
        }
        let subjects = Subjects { client_developer: developer(client), ..Subjects::default() };
        Err(Box::new(
            Refusal::anonymous(Cause::SignOutRedirect)
                .with(FactName::Received, wanted.chars().take(200).collect::<String>())
                .with(FactName::RegisteredRedirects, client.settings.post_logout_redirect_uris.clone())
                .about(subjects),
        ))
    }

    /// Whether the app has shown that this very session is the one it was signed in by, so that nobody has to be asked:
    /// any link could say the rest (section 2: "MUST ask").
    pub fn proves(&self, session: &Session) -> bool {
        self.hint.is_some_and(|hint| {
            !must!("rpl-2-other-person", *hint.user != *session.user.as_str())
                && !must!("rpl-2-other-session", hint.session.as_deref() != Some(session.id.as_str()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClientOwner, Status};
    use crate::{ClientSettings, Digest, Offset, ScopeSet};

    const HOME: &str = "https://rp.example.test/bye";

    fn client() -> Client {
        Client {
            platform: "p".into(),
            id: "app".into(),
            name: "App".into(),
            description: "".into(),
            url: "".into(),
            terms_of_use: "".into(),
            privacy_policy: "".into(),
            owner: ClientOwner::User("dev".into()),
            status: Status::Active,
            status_since: Timestamp::default(),
            live_trading_approved: false,
            redirect_uris: vec!["https://rp.example.test/cb".into()],
            scopes: ScopeSet::default(),
            licences: Vec::new(),
            visible_to: Vec::new(),
            settings: ClientSettings {
                post_logout_redirect_uris: vec![HOME.into()],
                ..ClientSettings::default()
            },
            secrets: Vec::new(),
            created_at: Timestamp::default(),
            active_from: None,
            expires_at: None,
            kill: Offset(0),
        }
    }

    fn hint(session: Option<&str>) -> IdTokenHint {
        IdTokenHint { client: "app".into(), user: "ann".into(), session: session.map(Into::into) }
    }

    #[test]
    fn logout_3_only_registered_addresses_are_gone_to() {
        let off = Client { status: Status::Disabled, ..client() };
        let fine = client();
        for (name, wanted, client_id, client, expected) in [
            ("registered", Some(HOME), Some("app"), Some(&fine), Ok(Some(HOME))),
            ("none asked for", None, Some("app"), Some(&fine), Ok(None)),
            ("nobody asks", Some(HOME), None, None, Err(Cause::ParameterMissing)),
            ("unknown app", Some(HOME), Some("no"), None, Err(Cause::ClientRejected)),
            ("app switched off", Some(HOME), Some("app"), Some(&off), Err(Cause::ClientDisabled)),
            (
                "for signing in",
                Some("https://rp.example.test/cb"),
                Some("app"),
                Some(&fine),
                Err(Cause::SignOutRedirect),
            ),
            (
                "nearly",
                Some("https://rp.example.test/bye/"),
                Some("app"),
                Some(&fine),
                Err(Cause::SignOutRedirect),
            ),
            (
                "with a query",
                Some("https://rp.example.test/bye?a"),
                Some("app"),
                Some(&fine),
                Err(Cause::SignOutRedirect),
            ),
        ] {
            let request = SignOutRequest { client_id, redirect_uri: wanted, hint: None };
            let found = request.target(client, "", Timestamp::default()).map_err(|r| r.cause);
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn logout_2_client_id_and_hint_name_one_app() {
        let hint = hint(None);
        let ask = |client_id, hint| SignOutRequest { client_id, hint, redirect_uri: None }.client();
        assert_eq!(ask(Some("app"), Some(&hint)).unwrap(), Some("app"));
        assert_eq!(ask(None, Some(&hint)).unwrap(), Some("app"));
        assert_eq!(ask(Some("other"), Some(&hint)).unwrap_err().cause, Cause::ParameterInvalid);
        assert_eq!(ask(None, None).unwrap(), None);
    }

    #[test]
    fn logout_2_only_the_sessions_own_id_token_spares_the_question() {
        let session = Session {
            id: "s1".into(),
            digest: Digest::of(b"cookie"),
            user: "ann".into(),
            created_at: Timestamp::default(),
            last_seen: Timestamp::default(),
            expires_at: Timestamp::default(),
            address: "".into(),
            browser: "".into(),
        };
        let other = IdTokenHint { user: "bob".into(), ..hint(Some("s1")) };
        for (name, hint, expected) in [
            ("its own", Some(hint(Some("s1"))), true),
            ("of an earlier session", Some(hint(Some("s0"))), false),
            ("of no session", Some(hint(None)), false),
            ("of somebody else", Some(other), false),
            ("none", None, false),
        ] {
            let request = SignOutRequest { hint: hint.as_ref(), ..SignOutRequest::default() };
            assert_eq!(request.proves(&session), expected, "{name}");
        }
    }
}
