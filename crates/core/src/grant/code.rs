//! Redeeming an authorization code.

use crate::model::{Code, SecretUse};
use crate::{ClientId, Digest, PartnerId, Timestamp, must};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq as _;

/// What a token request shows when it redeems a code. The client has been authenticated before
/// (SECURITY R14): nothing is spent and no replay is declared on behalf of somebody else.
#[derive(Clone, Debug)]
pub struct CodeRule {
    /// The authenticated client.
    pub client: ClientId,
    /// The `redirect_uri` parameter.
    pub redirect_uri: Box<str>,
    /// The `code_verifier` parameter.
    pub verifier: Option<Box<str>>,
    /// Whether the client may not do without PKCE. Codes that partners asked for know no challenge.
    pub requires_pkce: bool,
    /// The thumbprint of the DPoP key that this request has proven (RFC 9449 section 10).
    pub binding: Option<Box<str>>,
    /// The partner whose secret the client showed; `None`: its own.
    pub secret_of: Option<PartnerId>,
    /// Whether the client's own secret is also good for its only partner's codes.
    pub own_secret_serves: Option<PartnerId>,
    /// The `resource` parameter.
    pub resource: Option<NamedResource>,
}

/// An API that a token request names (RFC 8707 section 2.2).
#[derive(Clone, Debug)]
pub struct NamedResource {
    /// Its address.
    pub uri: Box<str>,
    /// Whether what was granted, as the code carries it, reaches the address.
    pub is_granted: fn(context: &str, uri: &str) -> bool,
}

/// Why a code was not redeemed. Nothing was spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeFault {
    /// It was issued to another client.
    OtherClient,
    /// It was asked for by a partner, and the secret shown is not good for that partner's calls.
    OtherPartner,
    /// Its time has passed.
    Expired,
    /// It was issued for another redirect URI.
    RedirectMismatch,
    /// It was issued with a challenge, or its client may not do without, and no verifier came.
    VerifierMissing,
    /// The verifier is not the challenge's, or there was no challenge.
    VerifierMismatch,
    /// It is bound to another key than the one that was proven.
    OtherKey,
    /// The request names an API that was not granted.
    OtherResource,
}

impl CodeRule {
    /// RFC 6749 section 4.1.3, the "MUST" list in its order. Pure: no store, no clock. Whether the code was spent
    /// before is not asked here: that is the store's one atomic statement.
    pub fn check(&self, code: &Code, now: Timestamp) -> Result<(), CodeFault> {
        // "ensure that the authorization code was issued to the authenticated confidential client"
        if must!("rfc6749-4.1.3-client", code.client != self.client) {
            return Err(CodeFault::OtherClient);
        }
        // SECURITY R23: a partner's code is bound to that partner
        let serves = match &code.partner {
            None => self.secret_of.is_none(),
            Some(p) => self.secret_of.as_ref() == Some(p) || self.own_secret_serves.as_ref() == Some(p),
        };
        if !serves {
            return Err(CodeFault::OtherPartner);
        }
        // "ensure that the redirect_uri parameter is present [and] identical"; before validity, so that nothing
        // is declared a replay before everything has matched (SECURITY R14)
        if must!("rfc6749-4.1.3-redirect", code.redirect_uri != self.redirect_uri) {
            return Err(CodeFault::RedirectMismatch);
        }
        // RFC 7636 section 4.6; a verifier without a challenge is a downgrade (SECURITY R22: what was sent is enforced)
        match (&code.challenge, &self.verifier) {
            (None, None) if self.requires_pkce && code.partner.is_none() => {
                return Err(CodeFault::VerifierMissing);
            }
            (Some(_), None) if must!("rfc7636-4.5-missing") => return Err(CodeFault::VerifierMissing),
            (None, Some(_)) if must!("rfc9700-4.8.2-downgrade") => return Err(CodeFault::VerifierMismatch),
            (None, _) | (_, None) => {}
            (Some(challenge), Some(verifier)) => {
                let matches: bool = s256(verifier).as_bytes().ct_eq(challenge.as_bytes()).into();
                if must!("rfc7636-4.6-mismatch", !matches) {
                    return Err(CodeFault::VerifierMismatch);
                }
            }
        }
        // RFC 9449 section 10: the key that the authorization request named
        if must!("rfc9449-10-code-key", code.binding.is_some() && code.binding != self.binding) {
            return Err(CodeFault::OtherKey);
        }
        // RFC 8707 section 2.2: a token request narrows
        if let Some(named) = &self.resource
            && must!("rfc8707-2.2-granted", !(named.is_granted)(&code.context, &named.uri))
        {
            return Err(CodeFault::OtherResource);
        }
        // "verify that the authorization code is valid"
        if must!("rfc6749-4.1.2-expired", now >= code.expires_at && code.redeemed.is_none()) {
            return Err(CodeFault::Expired);
        }
        Ok(())
    }

    /// In whose calls the secret was shown.
    pub fn secret_use(&self) -> SecretUse<'_> {
        self.secret_of.as_ref().map_or(SecretUse::Own, SecretUse::Partner)
    }
}

/// RFC 7636 section 4.2.
fn s256(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Digest::of(verifier.as_bytes()).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Offset, ScopeSet};

    fn code() -> Code {
        Code {
            digest: Digest::of(b"code"),
            client: "app".into(),
            redirect_uri: "https://rp/cb".into(),
            challenge: None,
            grant: "g".into(),
            scopes: ScopeSet::default(),
            partner: None,
            issued_at: Timestamp::from_seconds(0),
            expires_at: Timestamp::from_seconds(600),
            offset: Offset(0),
            redeemed: None,
            binding: None,
            context: "".into(),
            redeemed_chain: None,
        }
    }
    fn rule() -> CodeRule {
        CodeRule {
            client: "app".into(),
            redirect_uri: "https://rp/cb".into(),
            verifier: None,
            requires_pkce: false,
            binding: None,
            secret_of: None,
            own_secret_serves: None,
            resource: None,
        }
    }

    #[test]
    fn rfc6749_4_1_3_table() {
        let at = Timestamp::from_seconds;
        let partners = Code { partner: Some("sun".into()), ..code() };
        let spent = Code { redeemed: Some((at(1), "t".into())), ..code() };
        for (name, code, rule, now, expected) in [
            ("matches", code(), rule(), at(599), Ok(())),
            ("at its end", code(), rule(), at(600), Err(CodeFault::Expired)),
            ("spent code stays a replay after its end", spent, rule(), at(601), Ok(())),
            (
                "other client",
                code(),
                CodeRule { client: "b".into(), ..rule() },
                at(0),
                Err(CodeFault::OtherClient),
            ),
            (
                "other redirect",
                code(),
                CodeRule { redirect_uri: "https://rp/".into(), ..rule() },
                at(0),
                Err(CodeFault::RedirectMismatch),
            ),
            ("partner's code, own secret", partners.clone(), rule(), at(0), Err(CodeFault::OtherPartner)),
            (
                "partner's code, its secret",
                partners.clone(),
                CodeRule { secret_of: Some("sun".into()), ..rule() },
                at(0),
                Ok(()),
            ),
            (
                "partner's code, other partner's secret",
                partners,
                CodeRule { secret_of: Some("dusk".into()), ..rule() },
                at(0),
                Err(CodeFault::OtherPartner),
            ),
        ] {
            assert_eq!(rule.check(&code, now), expected, "{name}");
        }
    }

    #[test]
    fn rfc9449_10_the_key_that_was_named_redeems() {
        let bound = Code { binding: Some("k1".into()), ..code() };
        let with = |key: Option<&str>| CodeRule { binding: key.map(Into::into), ..rule() };
        let at = Timestamp::from_seconds(0);
        assert_eq!(with(Some("k1")).check(&bound, at), Ok(()));
        assert_eq!(with(Some("k2")).check(&bound, at), Err(CodeFault::OtherKey));
        assert_eq!(with(None).check(&bound, at), Err(CodeFault::OtherKey));
        assert_eq!(with(Some("k2")).check(&code(), at), Ok(()), "none was named");
    }

    /// The example of RFC 7636 appendix B.
    #[test]
    fn r22_pkce_that_was_sent_is_enforced() {
        let at = Timestamp::from_seconds;
        let challenged =
            || Code { challenge: Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".into()), ..code() };
        let with = |verifier: Option<&str>| CodeRule { verifier: verifier.map(Into::into), ..rule() };
        let right = Some("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(with(right).check(&challenged(), at(0)), Ok(()));
        assert_eq!(with(None).check(&challenged(), at(0)), Err(CodeFault::VerifierMissing));
        assert_eq!(with(Some("other")).check(&challenged(), at(0)), Err(CodeFault::VerifierMismatch));
        let challenge = challenged().challenge;
        assert_eq!(with(challenge.as_deref()).check(&challenged(), at(0)), Err(CodeFault::VerifierMismatch));
        assert_eq!(with(right).check(&code(), at(0)), Err(CodeFault::VerifierMismatch));
        let bound = CodeRule { requires_pkce: true, ..with(None) };
        assert_eq!(bound.check(&code(), at(0)), Err(CodeFault::VerifierMissing), "made before it was bound");
        let partners = Code { partner: Some("sun".into()), ..code() };
        let bound = CodeRule { secret_of: Some("sun".into()), ..bound };
        assert_eq!(bound.check(&partners, at(0)), Ok(()), "a partner's call knows no challenge");
    }
}
