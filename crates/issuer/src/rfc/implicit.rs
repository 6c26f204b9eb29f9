//! RFC 6749 section 4.2, of older times: a token from the authorization endpoint.

use super::context::Context;
use super::mint::{self, About};
use crate::{Arrival, Fail};
use mandate_core::grant::CodeRule;
use mandate_core::legacy::LegacyUse;
use mandate_core::model::Client;
use mandate_core::platform::Call;
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, Secret};
use mandate_store::{Minted, Redeemed};

/// What was given. It always has an end, and nothing refreshes it.
#[derive(Debug)]
pub(crate) struct ImplicitToken {
    pub(crate) token: Secret,
    pub(crate) lifetime_s: u32,
    pub(crate) scope: String,
}

/// Spends a code that was made for this very answer and that nobody else has seen: what ends codes and their grants ends
/// this token, too.
///
/// # Errors
/// Something ended in between, or the token could not be signed.
pub(crate) async fn implicit_token(
    arrival: &Arrival<'_>,
    client: &Client,
    code: &Secret,
    redirect_uri: &str,
) -> Result<ImplicitToken, Fail> {
    let path = arrival.host().surface.path_of(Call::Token).unwrap_or_default();
    let access = arrival.tenant.dialect.token_rules(path).access;
    let coming = mint::coming(arrival, client, access, arrival.issuer.cache.feed().applied(), false, false);
    let rule = CodeRule {
        client: client.id.clone(),
        redirect_uri: redirect_uri.into(),
        verifier: None,
        requires_pkce: false,
        binding: None,
        secret_of: None,
        own_secret_serves: None,
        resource: None,
    };
    let minted = Minted { token: coming.row.clone(), stored: coming.stored, chain: None, marks: Vec::new() };
    let store = &arrival.issuer.store;
    let Redeemed::Fresh { grant, scopes, code } =
        store.redeem_code(arrival.platform(), &code.digest(), &rule, &minted).await?
    else {
        return Err(Refusal::anonymous(Cause::GrantRevoked).into());
    };
    let (context, scope) = (Context::read(&code.context), scopes.to_string());
    let about = About {
        client,
        grant: &grant,
        scope: &scope,
        context: &context,
        chain: None,
        binding: None,
        offset: code.offset,
    };
    let token = coming.text(arrival, about)?;
    arrival.used_of_old(&client.id, LegacyUse::Implicit);
    Ok(ImplicitToken { token, lifetime_s: coming.lifetime_s, scope })
}
