//! Redeeming an authorization code.

use crate::model::{Code, SecretUse};
use crate::{ClientId, PartnerId, Timestamp};

/// What a token request shows when it redeems a code. The client has been authenticated before
/// (SECURITY R14): nothing is spent and no replay is declared on behalf of somebody else.
#[derive(Clone, Debug)]
pub struct CodeRule {
    /// The authenticated client.
    pub client: ClientId,
    /// The `redirect_uri` parameter.
    pub redirect_uri: Box<str>,
    /// The partner whose secret the client showed; `None`: its own.
    pub secret_of: Option<PartnerId>,
    /// Whether the client's own secret is also good for its only partner's codes.
    pub own_secret_serves: Option<PartnerId>,
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
}

impl CodeRule {
    /// RFC 6749 section 4.1.3, the "MUST" list in its order. Pure: no store, no clock. Whether the code was spent
    /// before is not asked here: that is the store's one atomic statement.
    pub fn check(&self, code: &Code, now: Timestamp) -> Result<(), CodeFault> {
        // "ensure that the authorization code was issued to the authenticated confidential client"
        if code.client != self.client {
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
        if code.redirect_uri != self.redirect_uri {
            return Err(CodeFault::RedirectMismatch);
        }
        // "verify that the authorization code is valid"
        if now >= code.expires_at && code.redeemed.is_none() {
            return Err(CodeFault::Expired);
        }
        Ok(())
    }

    /// In whose calls the secret was shown.
    pub fn secret_use(&self) -> SecretUse<'_> {
        self.secret_of.as_ref().map_or(SecretUse::Own, SecretUse::Partner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Digest, Offset, ScopeSet};

    fn code() -> Code {
        Code {
            digest: Digest::of(b"code"),
            client: "app".into(),
            redirect_uri: "https://rp/cb".into(),
            grant: "g".into(),
            scopes: ScopeSet::default(),
            partner: None,
            issued_at: Timestamp::from_seconds(0),
            expires_at: Timestamp::from_seconds(600),
            offset: Offset(0),
            redeemed: None,
        }
    }
    fn rule() -> CodeRule {
        CodeRule {
            client: "app".into(),
            redirect_uri: "https://rp/cb".into(),
            secret_of: None,
            own_secret_serves: None,
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
}
