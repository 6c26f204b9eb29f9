//! Access tokens that carry their own claims (RFC 9068): from text to the facts that a decision needs. Signature and
//! claims are looked at here; state comes from this node's memory, kept right by the log (SECURITY R10, R21).

use super::keys::Keys;
use mandate_core::binding::Binding;
use mandate_core::model::{Account, Client, Grant, Killed, Token, TokenFacts};
use mandate_core::{
    ChainId, ClientId, Digest, GrantId, Offset, PlatformId, ScopeSet, SubjectKind, TokenHandle, UserId, must,
};
use mandate_store::{Cached, StoreError};
use mandate_wire::jose::{Alg, Claims, Jwt, OneOrMany};
use std::sync::Arc;

/// Whether a text has the shape of a signed token: three parts.
pub fn looks_signed(text: &str) -> bool {
    text.bytes().filter(|b| *b == b'.').count() == 2
}

/// The facts of a signed access token of this platform, which memory keeps from now on under the digest of its text; `None`
/// for anything else. Whether it may be used still has to be decided: it may have expired, or what it hangs from may have
/// ended.
///
/// # Errors
/// The store did not answer.
pub async fn facts(
    cache: &Cached,
    keys: &Keys,
    (platform, issuer): (&PlatformId, &str),
    text: &str,
    digest: Digest,
) -> Result<Option<Arc<TokenFacts>>, StoreError> {
    // Taken before anything is read: what comes after it is not in the facts.
    let offset = cache.feed().applied();
    if !cache.kills_are_current() {
        return Err(StoreError::Unavailable("this node does not know what ended lately".into()));
    }
    let Some((token, client)) = believed(cache, keys, (platform, issuer), text, digest) else {
        return Ok(None);
    };
    let Some(client) = cache.client(platform, &client).await? else { return Ok(None) };
    let Some(grant) = cache.grant(platform, &token.grant).await? else { return Ok(None) };
    let mut accounts = Vec::with_capacity(grant.accounts.len());
    for id in &grant.accounts {
        accounts.extend(cache.account(platform, id).await?);
    }
    Ok(kept(cache, offset, token, client, grant, accounts))
}

/// As [`facts`], if everything that the token hangs from is in memory: `None` says that it is not, or that memory may not
/// be used now.
pub fn facts_at_hand(
    cache: &Cached,
    keys: &Keys,
    (platform, issuer): (&PlatformId, &str),
    text: &str,
    digest: Digest,
) -> Option<Option<Arc<TokenFacts>>> {
    let offset = cache.feed().applied();
    if !cache.kills_are_current() {
        return None;
    }
    let Some((token, client)) = believed(cache, keys, (platform, issuer), text, digest) else {
        return Some(None);
    };
    let client = cache.peek_client(platform, &client)?;
    let grant = cache.peek_grant(platform, &token.grant)?;
    let accounts = grant.accounts.iter().map(|id| cache.peek_account(platform, id)).collect::<Option<_>>()?;
    Some(kept(cache, offset, token, client, grant, accounts))
}

/// The facts together, remembered from now on.
fn kept(
    cache: &Cached,
    offset: Offset,
    token: Token,
    client: Arc<Client>,
    grant: Arc<Grant>,
    accounts: Vec<Arc<Account>>,
) -> Option<Arc<TokenFacts>> {
    if grant.client != client.id {
        return None;
    }
    let killed = killed(cache, &token.platform, &token, grant.user.as_ref());
    let facts = Arc::new(TokenFacts { token, grant, client, accounts, killed });
    cache.keep_token(&facts, offset);
    Some(facts)
}

/// What a token of this platform says, and its client.
fn believed(
    cache: &Cached,
    keys: &Keys,
    (platform, issuer): (&PlatformId, &str),
    text: &str,
    digest: Digest,
) -> Option<(Token, ClientId)> {
    let (claims, kid) = verified(keys, issuer, text)?;
    // A key that is no longer believed vouches for nothing, whatever offset its tokens carry.
    if cache.killed(platform, SubjectKind::SigningKey, &kid, Offset(0)).is_some() {
        return None;
    }
    let client = ClientId::new(claims.text("client_id").ok().flatten().unwrap_or_default());
    Some((token(platform, digest, &claims, kid)?, client))
}

/// The claims, and the name of the key that signed them.
fn verified(keys: &Keys, issuer: &str, text: &str) -> Option<(Claims, Box<str>)> {
    // section 2.1: RS256 is among those that everybody takes
    const ALLOWED: &[Alg] = &[Alg::Es256, Alg::EdDsa, Alg::Ps256, Alg::Rs256];
    const WITHOUT: &[Alg] = &[Alg::Es256, Alg::EdDsa, Alg::Ps256];
    let token = Jwt::parse(text).ok()?;
    // RFC 9068 section 4: another kind of JWT is no access token
    let is_access_token = token.header().typ().is_some_and(|typ| {
        typ.eq_ignore_ascii_case("at+jwt") || typ.eq_ignore_ascii_case("application/at+jwt")
    });
    if must!("rfc9068-4-typ", !is_access_token) {
        return None;
    }
    let (claims, key) =
        token.claims_by(keys.published(), if must!("rfc9068-2.1-rs256") { ALLOWED } else { WITHOUT })?;
    if must!("rfc9068-4-iss", claims.text("iss").ok().flatten() != Some(issuer)) {
        return None;
    }
    Some((claims, key.kid()?.into()))
}

fn token(platform: &PlatformId, digest: Digest, claims: &Claims, kid: Box<str>) -> Option<Token> {
    let word = |name| claims.text(name).ok().flatten();
    let time = |name| claims.seconds(name).ok().flatten();
    let binding = match claims.object("cnf").ok()? {
        None => None,
        Some(cnf) => Some(confirmed(cnf)?),
    };
    Some(Token {
        platform: platform.clone(),
        digest,
        handle: TokenHandle::new(word("jti")?),
        grant: GrantId::new(word("grant")?),
        scopes: ScopeSet::parse(word("scope")?).ok()?,
        partner: None,
        issued_at: time("iat")?,
        // a token without an end is never self-contained (SECURITY R10)
        expires_at: Some(time("exp")?),
        offset: Offset(claims.iter().find(|(name, _)| *name == "off")?.1.as_u64()?),
        ended: None,
        chain: word("chain").map(ChainId::new),
        binding,
        audience: match claims.texts_or_text("aud").ok().flatten()? {
            OneOrMany::One(one) => vec![one.into()],
            OneOrMany::Many(many) => many.into_iter().map(Into::into).collect(),
        },
        signed_by: Some(kid),
    })
}

/// What a token is bound to. A confirmation that is not understood is not passed over.
fn confirmed(cnf: &serde_json::Map<String, serde_json::Value>) -> Option<Box<str>> {
    let word = |name| cnf.get(name).and_then(serde_json::Value::as_str);
    let binding = match (word("jkt"), word("x5t#S256")) {
        (Some(key), None) => Binding::Key(key),
        (None, Some(certificate)) => Binding::Certificate(certificate),
        (Some(_), Some(_)) | (None, None) => return None,
    };
    Some(binding.text().into())
}

/// What the log says of the token itself, its chain, grant or person that its maker had not seen.
fn killed(cache: &Cached, platform: &PlatformId, token: &Token, user: Option<&UserId>) -> Option<Killed> {
    let subjects = [
        Some((SubjectKind::Token, token.handle.as_str())),
        token
            .chain
            .as_ref()
            .filter(|_| must!("rfc7009-2.1-chain"))
            .map(|chain| (SubjectKind::Token, chain.as_str())),
        Some((SubjectKind::Grant, token.grant.as_str())),
        user.map(|user| (SubjectKind::User, user.as_str())),
    ];
    subjects.into_iter().flatten().find_map(|(kind, id)| cache.killed(platform, kind, id, token.offset))
}

#[cfg(test)]
mod tests;
