//! Client authentication (RFC 6749 section 2.3, RFC 7523 section 2.2, RFC 8705 section 2): one way, the registered one.

use super::certificate;
use super::client_keys::{self, KeysFault};
use crate::{Arrival, Fail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Request};
use mandate_core::disclosure::{FactName as F, PossessionProof, Subjects};
use mandate_core::model::{Client, ClientOwner, SecretUse};
use mandate_core::platform::Call;
use mandate_core::refusal::Refusal;
use mandate_core::settings::{AuthMethod, ClientSettings};
use mandate_core::{Cause, ClientId, Secret, must, policy};
use mandate_store::{Mark, MarkKind};
use mandate_wire::credential::visible_defect;
use mandate_wire::dialect::ClientShown;
use mandate_wire::form::Form;
use mandate_wire::jose::{Alg, AssertionRule, Audience, Jwt};
use std::sync::Arc;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// An assertion may live so long at most.
const ASSERTION_LIFETIME_S: i64 = 3600;

/// A client that has shown who it is, as far as its registration asks for that.
#[derive(Debug)]
pub(super) struct Authenticated {
    pub(super) client: Arc<Client>,
    /// `None` for a public client: it has shown nothing.
    pub(super) proof: Option<PossessionProof>,
    /// What may not be used again, to be spent in the act that this authenticates (SECURITY R16).
    pub(super) marks: Vec<Mark>,
}

impl Authenticated {
    /// A refusal of what this client asked for, which it may look up if it has shown who it is; merged answers stay merged
    /// (SECURITY R7).
    pub(super) fn told(&self, Fail(refusal): Fail) -> Fail {
        match self.proof {
            Some(proof) if refusal.true_cause.is_none() => {
                let developer = match &self.client.owner {
                    ClientOwner::User(user) => Some(user.clone()),
                    ClientOwner::Partner(_) | ClientOwner::Operator => None,
                };
                let subjects = Subjects { client_developer: developer, ..refusal.subjects.clone() };
                refusal.to_holder(proof).about(subjects).into()
            }
            Some(_) | None => Fail(refusal),
        }
    }
}

/// What a request shows.
enum Shown {
    Secret(ClientId, Secret, Carrier),
    Assertion(Option<ClientId>, String),
    Nothing(ClientId),
}

/// Where a secret stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carrier {
    /// In the header.
    Basic,
    /// In the header, where the surface makes no difference between header and body.
    Either,
    /// In the body.
    Body,
}

/// The client of a request to an endpoint of ours.
///
/// # Errors
/// Several ways at once, a damaged one, or one answer for everything that does not fit (SECURITY R7).
pub(super) async fn authenticate(
    arrival: &Arrival<'_>,
    request: &Request<Bytes>,
    form: &Form,
) -> Result<Authenticated, Fail> {
    let headers = request.headers();
    let shown = match arrival.tenant.dialect.token_rules(request.uri().path()).client {
        ClientShown::AsRegistered => shown(headers, form),
        ClientShown::InBody => shown_in(form, None),
        ClientShown::InBodyOrBasic => shown_in(form, by_basic(headers)),
    };
    match shown? {
        Shown::Secret(id, secret, carrier) => by_secret(arrival, &id, &secret, carrier).await,
        Shown::Assertion(id, text) => by_assertion(arrival, id, &text).await,
        Shown::Nothing(id) => without_words(arrival, &id).await,
    }
}

fn shown(headers: &HeaderMap, form: &Form) -> Result<Shown, Fail> {
    let named = form.get("client_id").map(ClientId::new);
    let mut authorizations = headers.get_all(AUTHORIZATION).iter();
    let authorization = authorizations.next();
    let secret = form.get("client_secret");
    let assertion = form.get("client_assertion");
    let ways = usize::from(authorization.is_some())
        + authorizations.count()
        + usize::from(secret.is_some())
        + usize::from(assertion.is_some());
    if must!("rfc6749-2.3-one", ways > 1) {
        return Err(Refusal::anonymous(Cause::CredentialAmbiguous)
            .with(F::Received, "more than one way of client authentication")
            .into());
    }
    if let Some(value) = authorization.filter(|_| must!("rfc6749-2.3.1-basic")) {
        let (id, secret) = basic(value.as_bytes()).ok_or_else(|| {
            Refusal::anonymous(Cause::ClientMethodWrong)
                .with(F::Defect, "the Authorization header holds no id and secret by HTTP Basic")
        })?;
        if named.is_some_and(|named| named != id) {
            return Err(Refusal::anonymous(Cause::CredentialAmbiguous)
                .with(F::Received, "another client_id in the body than in the Authorization header")
                .into());
        }
        return Ok(Shown::Secret(id, secret, Carrier::Basic));
    }
    if let Some(text) = assertion {
        return shown_by_assertion(form, named, text);
    }
    let id = named.ok_or_else(nobody)?;
    match secret {
        None => Ok(Shown::Nothing(id)),
        Some(text) if visible_defect(text).is_some() => Err(damaged("client_secret")),
        Some(text) => Ok(Shown::Secret(id, Secret::new(text), Carrier::Body)),
    }
}

fn shown_by_assertion(form: &Form, named: Option<ClientId>, text: &str) -> Result<Shown, Fail> {
    if must!("rfc7523-2.2-type", form.get("client_assertion_type") != Some(ASSERTION_TYPE)) {
        return Err(Refusal::anonymous(Cause::ParameterInvalid)
            .with(F::Parameter, "client_assertion_type")
            .with(F::Defect, "it is not the type of JWT assertions")
            .with(F::Expected, ASSERTION_TYPE)
            .into());
    }
    Ok(Shown::Assertion(named, text.to_owned()))
}

fn nobody() -> Fail {
    Refusal::anonymous(Cause::ClientMethodWrong).with(F::Defect, "the request names no client").into()
}

/// Id and secret by HTTP Basic, as they are: clients of surfaces that take both carriers do not encode them. What is no
/// Basic is not looked at.
fn by_basic(headers: &HeaderMap) -> Option<(String, String)> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = text.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > 4096 {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// What stands in the body, in a header that says the same, or half in each. Two that differ are two (SECURITY R21).
fn shown_in(form: &Form, header: Option<(String, String)>) -> Result<Shown, Fail> {
    let (named, secret) = (form.get("client_id"), form.get("client_secret"));
    let (header_id, header_secret) = header.unwrap_or_default();
    let some = |text: &'_ str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let (header_id, header_secret) = (some(&header_id), some(&header_secret));
    let differ = |one: Option<&str>, other: &Option<String>| {
        one.is_some_and(|one| other.as_deref().is_some_and(|other| other != one))
    };
    if differ(named, &header_id) || differ(secret, &header_secret) {
        return Err(Refusal::anonymous(Cause::CredentialAmbiguous)
            .with(F::Received, "something else in the body than in the Authorization header")
            .into());
    }
    let id = named.map(str::to_owned).or(header_id).map(ClientId::new);
    let carrier = if secret.is_some() { Carrier::Body } else { Carrier::Either };
    let secret = secret.map(str::to_owned).or(header_secret);
    match (form.get("client_assertion"), secret) {
        (Some(_), Some(_)) => Err(Refusal::anonymous(Cause::CredentialAmbiguous)
            .with(F::Received, "more than one way of client authentication")
            .into()),
        (Some(text), None) => shown_by_assertion(form, id, text),
        (None, Some(text)) if visible_defect(&text).is_some() => Err(damaged("client_secret")),
        (None, Some(text)) => Ok(Shown::Secret(id.ok_or_else(nobody)?, Secret::new(text), carrier)),
        (None, None) => Ok(Shown::Nothing(id.ok_or_else(nobody)?)),
    }
}

fn damaged(parameter: &'static str) -> Fail {
    Refusal::anonymous(Cause::ClientSecretMissing)
        .with(F::Parameter, parameter)
        .with(F::Defect, "damaged")
        .into()
}

/// RFC 6749 section 2.3.1: both halves are form-encoded before they are joined.
fn basic(value: &[u8]) -> Option<(ClientId, Secret)> {
    let text = std::str::from_utf8(value).ok()?;
    let (scheme, encoded) = text.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > 4096 {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    let (id, secret) = if must!("rfc6749-2.3.1-encoded") {
        (form_decoded(id)?, form_decoded(secret)?)
    } else {
        (id.to_owned(), secret.to_owned())
    };
    (!id.is_empty() && visible_defect(&secret).is_none()).then(|| (ClientId::new(id), Secret::new(secret)))
}

fn form_decoded(text: &str) -> Option<String> {
    let joined = format!("x={text}");
    let mut pairs = url::form_urlencoded::parse(joined.as_bytes());
    let (_, value) = pairs.next()?;
    // an ampersand would have to be encoded
    pairs.next().is_none().then(|| value.into_owned())
}

async fn by_secret(
    arrival: &Arrival<'_>,
    id: &ClientId,
    secret: &Secret,
    carrier: Carrier,
) -> Result<Authenticated, Fail> {
    let contact = &*arrival.tenant.snapshot.platform.contact;
    let digest = secret.digest();
    let check = |client: Option<&Arc<Client>>| {
        policy::identify_client(&digest, client, SecretUse::Own, contact, arrival.now)
    };
    let cache = &arrival.issuer.cache;
    let at_hand = cache.peek_client(arrival.platform(), id);
    let at_hand = at_hand.and_then(|client| check(Some(&client)).ok().map(|proof| (client, proof)));
    let (client, proof) = if let Some(proven) = at_hand {
        proven
    } else {
        // What memory refuses is looked up once more: unknown clients and wrong secrets cost the same (SECURITY R7).
        let found = cache.look_up_client(arrival.platform(), id).await?;
        let proof = check(found.as_ref())?;
        (found.ok_or_else(|| Refusal::anonymous(Cause::Internal))?, proof)
    };
    let authenticated = Authenticated { client, proof: Some(proof), marks: Vec::new() };
    match demand_method(arrival, &authenticated.client, carrier) {
        Ok(()) => Ok(authenticated),
        Err(fail) => Err(authenticated.told(fail)),
    }
}

/// A weaker way beside the registered one would make the client as weak.
fn demand_method(arrival: &Arrival<'_>, client: &Client, carrier: Carrier) -> Result<(), Fail> {
    let registered = client.settings.auth_method;
    match (carrier, registered) {
        (Carrier::Body, _) => arrival.secret_in_body(client),
        (Carrier::Basic | Carrier::Either, AuthMethod::SecretBasic)
        | (Carrier::Either, AuthMethod::SecretPost) => Ok(()),
        (Carrier::Basic | Carrier::Either, _) => Err(Refusal::anonymous(Cause::ClientMethodWrong)
            .with(
                F::Defect,
                format!(
                    "it came by {}, its registration says {}",
                    AuthMethod::SecretBasic.as_str(),
                    registered.as_str()
                ),
            )
            .into()),
    }
}

/// A request that holds a name and nothing else: a public client's, or one whose certificate says the rest.
async fn without_words(arrival: &Arrival<'_>, id: &ClientId) -> Result<Authenticated, Fail> {
    let found = arrival.issuer.cache.client(arrival.platform(), id).await?;
    let client = found.ok_or_else(|| rejected(Cause::CredentialUnknown))?;
    let proof = match client.settings.auth_method {
        AuthMethod::TlsClientAuth | AuthMethod::SelfSignedTlsClientAuth => {
            Some(certificate::of_client(arrival, &client)?)
        }
        AuthMethod::None | AuthMethod::SecretBasic | AuthMethod::SecretPost | AuthMethod::PrivateKeyJwt => {
            if must!("rfc6749-3.2.1-confidential", client.settings.is_confidential()) {
                return Err(rejected(Cause::CredentialUnknown));
            }
            policy::demand_usable(&client, &arrival.tenant.snapshot.platform.contact, arrival.now)?;
            None
        }
    };
    Ok(Authenticated { client, proof, marks: Vec::new() })
}

fn rejected(true_cause: Cause) -> Fail {
    Refusal::anonymous(Cause::ClientRejected).because(true_cause).into()
}

async fn by_assertion(
    arrival: &Arrival<'_>,
    named: Option<ClientId>,
    text: &str,
) -> Result<Authenticated, Fail> {
    let invalid =
        |defect: &str| -> Fail { Refusal::anonymous(Cause::AssertionInvalid).with(F::Defect, defect).into() };
    let assertion = Jwt::parse(text).map_err(|fault| invalid(&fault.to_string()))?;
    let issuer = assertion.unverified().text("iss").ok().flatten().unwrap_or_default();
    let id = named.unwrap_or_else(|| ClientId::new(issuer));
    let found = arrival.issuer.cache.client(arrival.platform(), &id).await?;
    let client = found
        .filter(|client| client.settings.auth_method == AuthMethod::PrivateKeyJwt)
        .ok_or_else(|| rejected(Cause::CredentialUnknown))?;
    let settings = &client.settings;
    let allowed = assertion_algs(settings);
    // Until a key fits, the answer is the one for everything (SECURITY R7), but for keys that cannot be had: only the
    // client's developer can mend that.
    let verified = client_keys::verified(arrival, &client, &assertion, allowed).await;
    let verified = verified.map_err(|fault| match fault {
        KeysFault::None => rejected(Cause::CredentialUnknown),
        KeysFault::Signature(_) => rejected(Cause::CredentialSecretMismatch),
        unread @ KeysFault::Unread(_) => unread.into(),
    })?;
    let proof = policy::demand_usable(&client, &arrival.tenant.snapshot.platform.contact, arrival.now)?;
    let audiences = audiences(arrival, settings);
    let audiences: Vec<&str> = audiences.iter().map(String::as_str).collect();
    let strict = settings.profile.is_strict();
    let rule = AssertionRule {
        client: client.id.as_str(),
        audience: if strict { Audience::Only(arrival.issuer_url()) } else { Audience::AnyOf(&audiences) },
        needs_jti: strict || !settings.may_omit_jti,
        max_lifetime_s: ASSERTION_LIFETIME_S,
        now: arrival.now,
    };
    let accepted = rule.check(verified).map_err(|fault| invalid(&fault.to_string()))?;
    let jti_digest = accepted.jti_digest.filter(|_| must!("oidc-9-jti-once"));
    let marks = jti_digest.map(|digest| Mark {
        kind: MarkKind::Assertion,
        owner: client.id.as_str().into(),
        digest,
        ends_at: accepted.ends_at,
    });
    Ok(Authenticated { client, proof: Some(proof), marks: marks.into_iter().collect() })
}

/// RS256 is refused on strict profiles (FAPI 2.0 Security Profile section 5.4.1).
pub(crate) fn assertion_algs(settings: &ClientSettings) -> &'static [Alg] {
    if must!("fapi2-5.4.1-algorithms", settings.profile.is_strict()) {
        &[Alg::Es256, Alg::EdDsa, Alg::Ps256]
    } else {
        &[Alg::Es256, Alg::EdDsa, Alg::Ps256, Alg::Rs256]
    }
}

/// Whom an assertion may be for: us, by our name (FAPI 2.0 Security Profile section 5.3.2.1) or, on the default profile,
/// by the endpoint's (RFC 7523 section 3) and what the registration adds (SECURITY R22).
fn audiences(arrival: &Arrival<'_>, settings: &ClientSettings) -> Vec<String> {
    let issuer = arrival.issuer_url();
    let mut audiences = vec![issuer.to_owned()];
    if !settings.profile.is_strict() {
        let endpoints = arrival.host().surface.data().endpoints.iter();
        let asked = endpoints
            .filter(|e| matches!(e.call, Call::Token | Call::Push | Call::Introspect | Call::Revoke));
        audiences.extend(asked.map(|endpoint| format!("{issuer}{}", endpoint.path)));
        audiences.extend(settings.extra_audiences.iter().map(ToString::to_string));
    }
    audiences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6749_2_3_1_published_headers() {
        let examples = include_str!("../../../wire/tests/vectors/rfc-examples.json");
        let examples: serde_json::Value = serde_json::from_str(examples).unwrap();
        let headers = examples["basic"].as_array().unwrap();
        assert_eq!(headers.len(), 2);
        for vector in headers {
            let text = |name: &str| vector[name].as_str().unwrap();
            let (id, secret) = basic(text("header").as_bytes()).unwrap();
            assert_eq!((id.as_str(), secret.expose()), (text("client_id"), text("client_secret")));
        }
    }

    #[test]
    fn rfc6749_2_3_1_both_halves_are_form_encoded() {
        let value = format!("Basic {}", STANDARD.encode("a%3Ab:p%2Bq+r"));
        let (id, secret) = basic(value.as_bytes()).unwrap();
        assert_eq!((id.as_str(), secret.expose()), ("a:b", "p+q r"));
        for bad in ["Basic", "Basic !", "Bearer x", "Basic YQ=="] {
            assert!(basic(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
