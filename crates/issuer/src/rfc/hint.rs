//! `id_token_hint`: an ID token of ours that an app shows again, to say which person or session it means.

use super::keys::Keys;
use super::mint::keys;
use crate::{Arrival, Fail};
use mandate_core::disclosure::FactName as F;
use mandate_core::refusal::Refusal;
use mandate_core::sign_out::IdTokenHint;
use mandate_core::{Cause, must};
use mandate_wire::jose::{Alg, Jwt, PublicJwk};

/// Every algorithm that ID tokens are signed with.
const ALLOWED: &[Alg] = &[Alg::Es256, Alg::EdDsa, Alg::Ps256, Alg::Rs256];

/// What it says. It may have expired: it is a hint, and opens nothing (OpenID Connect Core section 3.1.2.1).
///
/// # Errors
/// It is no ID token that this server signed.
pub(crate) fn id_token_hint(arrival: &Arrival<'_>, text: &str) -> Result<IdTokenHint, Fail> {
    read(keys(arrival)?, arrival.issuer_url(), text).ok_or_else(|| {
        Refusal::anonymous(Cause::ParameterInvalid)
            .with(F::Parameter, "id_token_hint")
            .with(F::Defect, "it is no ID token that this server signed")
            .into()
    })
}

fn read(keys: &Keys, issuer: &str, text: &str) -> Option<IdTokenHint> {
    let token = Jwt::parse(text).ok()?;
    let named = |key: &&PublicJwk| token.header().kid().is_none_or(|kid| key.kid() == Some(kid));
    let verified = keys.published().filter(named).find_map(|key| token.verify(key, ALLOWED).ok())?;
    // access tokens and signed responses have the same issuer and keys (RFC 8725 section 3.11)
    if must!("rpl-2-id-token", !verified.may_be(&["JWT"])) {
        return None;
    }
    let claims = verified.claims();
    let word = |name| claims.text(name).ok().flatten();
    if must!("rpl-2-issuer", word("iss")? != issuer) {
        return None;
    }
    Some(IdTokenHint {
        client: word("aud")?.into(),
        user: word("sub")?.into(),
        session: word("sid").map(Into::into),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mandate_wire::jose::{Nonces, SigningKey};
    use mandate_wire::refresh_token::{RefreshKey, RefreshKeys};
    use serde_json::{Value, json};
    use std::sync::Arc;

    const ISSUER: &str = "https://as.example";

    fn key() -> Arc<SigningKey> {
        let private = SigningKey::generate(Alg::Es256).unwrap();
        Arc::new(SigningKey::from_pkcs8(Alg::Es256, &private, None).unwrap())
    }

    fn hint(typ: &str, claims: &Value, ours: bool) -> Option<IdTokenHint> {
        let (mine, other) = (key(), key());
        let platform = crate::pages::sample_platform(ISSUER);
        let keys = Keys::new(
            vec![mine.clone()],
            Vec::new(),
            RefreshKeys::new(1, vec![(1, RefreshKey::new(&[1; 32]))]),
            Nonces::new(&[2; 32]),
            &platform,
            crate::rfc::MutualTls::default(),
        );
        let text = if ours { &mine } else { &other }.sign(typ, claims).unwrap();
        read(&keys, ISSUER, &text)
    }

    #[test]
    fn logout_2_only_id_tokens_of_ours_expired_or_not() {
        let fine = json!({"iss": ISSUER, "aud": "app", "sub": "ann", "sid": "s1", "exp": 1});
        let said = IdTokenHint { client: "app".into(), user: "ann".into(), session: Some("s1".into()) };
        assert_eq!(hint("JWT", &fine, true), Some(said));
        assert_eq!(hint("JWT", &fine, false), None, "another's key");
        assert_eq!(hint("at+jwt", &fine, true), None, "an access token");
        assert_eq!(hint("JWT", &json!({"iss": "https://other", "aud": "app", "sub": "ann"}), true), None);
        assert_eq!(hint("JWT", &json!({"iss": ISSUER, "aud": "app", "code": "x"}), true), None, "a response");
        assert_eq!(hint("JWT", &json!({"iss": ISSUER, "aud": ["app"], "sub": "ann"}), true), None);
    }
}
