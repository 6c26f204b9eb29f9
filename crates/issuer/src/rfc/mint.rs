//! Access tokens, refresh tokens and ID tokens (RFC 9068, OpenID Connect Core section 2).

use super::context::Context;
use super::keys::{Keys, id_token_alg};
use crate::{Arrival, Fail};
use mandate_core::binding::Binding;
use mandate_core::grant::ACR;
use mandate_core::model::Client;
use mandate_core::refresh::{Chain, Repeats};
use mandate_core::refusal::Refusal;
use mandate_core::settings::TokenFormat;
use mandate_core::{
    Cause, ChainId, Digest, GrantId, Offset, ScopeSet, Secret, Timestamp, UserId, format, must,
};
use mandate_store::{NewToken, StoreError, token_handle};
use mandate_wire::dialect::AccessText;
use mandate_wire::jose::Alg;
use mandate_wire::object::Object;
use mandate_wire::refresh_token::{Bound, CHAIN, PresentedRefresh, chain_id};
use serde::Serialize;
use serde_json::{Map, Value};
use std::sync::Arc;

/// Access tokens live so long where the platform says nothing: they verify without asking, so they are short.
pub(super) const ACCESS_LIFETIME_S: u32 = 600;

/// The platform's keys.
pub(crate) fn keys<'a>(arrival: &'a Arrival<'_>) -> Result<&'a Arc<Keys>, Fail> {
    Ok(arrival.tenant.keys.as_ref().ok_or_else(|| Refusal::anonymous(Cause::Internal))?)
}

/// An access token before it is known what it hangs from: its name and its end.
#[derive(Debug)]
pub(super) struct Coming {
    /// The row, or what a row would have held.
    pub(super) row: NewToken,
    /// The text of an opaque token.
    opaque: Option<Secret>,
    /// Whether the store keeps a row.
    pub(super) stored: bool,
    /// Seconds that it lives.
    pub(super) lifetime_s: u32,
}

/// Chooses name and end of an access token. `bound`: it will be bound to a key, which only a signed one can say.
pub(super) fn coming(
    arrival: &Arrival<'_>,
    client: &Client,
    access: AccessText,
    offset: Offset,
    bound: bool,
) -> Coming {
    let entropy = &*arrival.issuer.entropy;
    let lifetime_s = arrival.tenant.snapshot.platform.tokens.access_lifetime_s.unwrap_or(ACCESS_LIFETIME_S);
    let expires_at = Some(arrival.now.plus_seconds(i64::from(lifetime_s)));
    let opaque = match (access, client.settings.access_token) {
        (AccessText::Hex, _) if !bound => Some(format::random_hex::<20>(entropy)),
        (AccessText::AsRegistered, TokenFormat::Opaque) if !bound => Some(format::opaque("mat_", entropy)),
        (AccessText::AsRegistered | AccessText::Signed | AccessText::Hex, _) => None,
    };
    let opaque = opaque.map(Secret::new);
    let digest = if let Some(secret) = &opaque {
        secret.digest()
    } else {
        // Of nothing: it is where the token's name comes from, which says everything else itself.
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes[..16]);
        Digest::from_bytes(bytes)
    };
    let handle = token_handle(&digest);
    let row = NewToken { digest, handle, issued_at: arrival.now, expires_at, offset, chain: None };
    Coming { row, stored: opaque.is_some(), opaque, lifetime_s }
}

/// What an access token is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) client: &'a Client,
    pub(super) grant: &'a GrantId,
    /// Its scopes, as text.
    pub(super) scope: &'a str,
    pub(super) context: &'a Context,
    pub(super) chain: Option<&'a ChainId>,
    /// The DPoP key or the certificate that it is bound to, as [`Binding`] has it.
    pub(super) binding: Option<&'a str>,
    /// The offset from before anything that it hangs from was read (SECURITY R10).
    pub(super) offset: Offset,
}

/// RFC 7800 section 3.1: the key by RFC 9449 section 6.1, the certificate by RFC 8705 section 3.1.
#[derive(Serialize)]
pub(super) enum Confirmation<'a> {
    #[serde(rename = "jkt")]
    Key(&'a str),
    #[serde(rename = "x5t#S256")]
    Certificate(&'a str),
}

impl<'a> Confirmation<'a> {
    /// Of a token's binding.
    pub(super) fn of(binding: &'a str) -> Self {
        match Binding::read(binding) {
            Binding::Key(thumbprint) => Self::Key(thumbprint),
            Binding::Certificate(thumbprint) => Self::Certificate(thumbprint),
        }
    }
}

/// The APIs that a token without a resource is for: all of the platform.
pub(crate) fn apis<'a>(arrival: &'a Arrival<'_>) -> impl Iterator<Item = &'a str> {
    let hosts = &arrival.tenant.snapshot.platform.hosts;
    hosts.iter().filter(|host| !host.surface.has_pages()).map(|host| &*host.url)
}

impl Coming {
    /// The token's text.
    ///
    /// # Errors
    /// It could not be signed.
    pub(super) fn text(&self, arrival: &Arrival<'_>, about: About<'_>) -> Result<Secret, Fail> {
        // An opaque token is for every API: what is for one says so itself.
        if let Some(opaque) = &self.opaque
            && must!("rfc8707-2-opaque", about.context.resource.is_empty())
        {
            return Ok(opaque.clone());
        }
        let alg = id_token_alg(about.client.settings.access_token_alg);
        let signer = keys(arrival)?.signer(alg).ok_or_else(|| Refusal::anonymous(Cause::Internal))?;
        let mut audience: Vec<&str> = Vec::new();
        if must!("rfc8707-2-audience") {
            audience.extend(about.context.resource.iter().map(String::as_str));
        }
        if must!("rfc9700-2.3-audience", audience.is_empty()) {
            audience.extend(apis(arrival));
        }
        // section 2.2: of the person, or of a client that acts for itself
        let subject = about.context.user.as_deref().unwrap_or(about.client.id.as_str());
        // RFC 9068 section 2.2
        let mut claims = Object::with_capacity(640);
        if must!("rfc9068-2.2-iss") {
            claims.text("iss", arrival.issuer_url());
        }
        if must!("rfc9068-2.2-sub") {
            claims.text("sub", subject);
        }
        if must!("rfc9068-2.2-aud") {
            match audience[..] {
                [one] => claims.text("aud", one),
                _ => claims.value("aud", &audience),
            }
        }
        if must!("rfc9068-2.2-exp") {
            claims.value("exp", &self.row.expires_at.map_or(i64::MAX, Timestamp::seconds));
        }
        if must!("rfc9068-2.2-iat") {
            claims.value("iat", &arrival.now.seconds());
        }
        if must!("rfc9068-2.2-jti") {
            claims.text("jti", self.row.handle.as_str());
        }
        if must!("rfc9068-2.2-client-id") {
            claims.text("client_id", about.client.id.as_str());
        }
        if must!("rfc9068-2.2.3-scope") {
            claims.text("scope", about.scope);
        }
        if let Some(at) = about.context.auth_time {
            claims.value("auth_time", &at);
        }
        let confirmation = about.binding.map(Confirmation::of).filter(|cnf| match cnf {
            Confirmation::Key(_) => must!("rfc9449-6.1-jkt"),
            Confirmation::Certificate(_) => must!("rfc8705-3.1-cnf"),
        });
        if let Some(cnf) = &confirmation {
            claims.value("cnf", cnf);
        }
        claims.text("grant", about.grant.as_str());
        if let Some(chain) = about.chain {
            claims.text("chain", chain.as_str());
        }
        claims.value("off", &about.offset.min(self.row.offset).0);
        let typ = if must!("rfc9068-2.1-typ") { "at+jwt" } else { "JWT" };
        signed(signer.sign_written(typ, &claims.end())).map(Secret::new)
    }
}

fn signed<E: std::fmt::Display>(result: Result<String, E>) -> Result<String, Fail> {
    result.map_err(|error| {
        tracing::error!(%error, "a token could not be signed");
        Refusal::anonymous(Cause::Internal).into()
    })
}

/// OpenID Connect Core section 2. Those that every token has are options for their rules only.
#[derive(Serialize)]
struct IdClaims<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'a str>,
    acr: &'a str,
    #[serde(flatten)]
    about: Map<String, Value>,
}

/// The ID token. `about`: further claims about the person.
///
/// # Errors
/// It could not be signed.
pub(super) fn id_token(
    arrival: &Arrival<'_>,
    client: &Client,
    user: &UserId,
    context: &Context,
    about: Map<String, Value>,
) -> Result<String, Fail> {
    let registered = id_token_alg(client.settings.id_token_alg);
    let alg = if must!("oidc-3.1.3.7-alg") { registered } else { Alg::Es256 };
    let signer = keys(arrival)?.signer(alg).ok_or_else(|| Refusal::anonymous(Cause::Internal))?;
    let lifetime = i64::from(arrival.tenant.snapshot.platform.tokens.id_token_lifetime_s);
    let claims = IdClaims {
        iss: must!("oidc-2-iss").then_some(arrival.issuer_url()),
        sub: must!("oidc-2-sub").then_some(user.as_str()),
        aud: must!("oidc-2-aud").then_some(client.id.as_str()),
        exp: must!("oidc-2-exp").then_some(arrival.now.plus_seconds(lifetime).seconds()),
        iat: must!("oidc-2-iat").then_some(arrival.now.seconds()),
        auth_time: context.auth_time.filter(|_| must!("oidc-2-auth-time")),
        nonce: context.nonce.as_deref().filter(|_| must!("oidc-2-nonce")),
        sid: context.sid.as_deref(),
        acr: ACR,
        about,
    };
    signed(signer.sign("JWT", &claims))
}

/// A chain that begins now; grant and scopes are the code's.
pub(super) fn chain(
    arrival: &Arrival<'_>,
    client: &Client,
    context: &Context,
    binding: Option<&str>,
    offset: Offset,
) -> Chain {
    let entropy = &*arrival.issuer.entropy;
    let (mut id, mut salt) = ([0; CHAIN], [0_u8; 16]);
    entropy.fill(&mut id);
    entropy.fill(&mut salt);
    let tokens = &arrival.tenant.snapshot.platform.tokens;
    let after = |s: Option<u32>| s.map(|s| arrival.now.plus_seconds(i64::from(s)));
    Chain {
        platform: arrival.platform().clone(),
        id: chain_id(&id),
        grant: GrantId::new(""),
        client: client.id.clone(),
        scopes: ScopeSet::default(),
        salt,
        key: arrival.tenant.keys.as_ref().map_or(0, |keys| keys.refresh.current()),
        generation: 1,
        binding: binding.map(|thumbprint| bound_to(client, thumbprint).into()),
        context: context.for_chain().text().into(),
        issued_at: arrival.now,
        answered_at: arrival.now,
        reanswers: 0,
        idle_ends_at: after(tokens.refresh_idle_s),
        ends_at: after(tokens.refresh_lifetime_s),
        offset,
        ended: None,
        repeats: Repeats::default(),
    }
}

/// Stands for whatever key a confidential client proves.
const ANY_KEY: &str = "any";

/// What a refresh chain is bound to. A public client's to its key or certificate (RFC 8705 section 4). A confidential client
/// is bound by its authentication, and its keys and certificates may change (RFC 9449 section 5); but what began with a key never goes on without one (SECURITY R14).
pub(super) fn bound_to<'a>(client: &Client, thumbprint: &'a str) -> &'a str {
    if client.settings.is_confidential() { ANY_KEY } else { thumbprint }
}

/// A chain once it is known what it hangs from.
pub(super) fn begun(chain: Chain, grant: &GrantId, scopes: &ScopeSet, context: &Context) -> Chain {
    let context = context.for_chain().text().into();
    Chain { grant: grant.clone(), scopes: scopes.clone(), context, ..chain }
}

/// The refresh token of a generation of a chain.
///
/// # Errors
/// The chain is none of ours, or its key does not count.
pub(super) fn refresh_token(arrival: &Arrival<'_>, chain: &Chain, generation: u64) -> Result<Secret, Fail> {
    let bound = bound(arrival, chain);
    let text = keys(arrival)?.refresh.token(chain.key, bound, generation);
    Ok(text.ok_or_else(|| Refusal::anonymous(Cause::Internal))?)
}

/// What a chain's tokens are bound to.
fn bound<'a>(arrival: &'a Arrival<'_>, chain: &'a Chain) -> Bound<'a> {
    Bound { platform: arrival.platform(), client: &chain.client, chain: &chain.id, salt: &chain.salt }
}

/// Whether a presented refresh token is of this chain.
///
/// # Errors
/// The chain's key is so new that this node has not heard of it.
pub(super) fn is_genuine(
    arrival: &Arrival<'_>,
    presented: &PresentedRefresh,
    chain: &Chain,
) -> Result<bool, Fail> {
    let keys = &keys(arrival)?.refresh;
    if keys.is_ahead(chain.key) {
        return Err(StoreError::Unavailable("a MAC key of another node is not known here yet".into()).into());
    }
    Ok(keys.is_genuine(presented, bound(arrival, chain)))
}
