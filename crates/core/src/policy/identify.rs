//! From a presented credential and what the store found under its public id to a principal. Possession comes
//! before everything else, and unknown ids and wrong secrets take the same path (SECURITY R7).

use super::decide::Check;
use crate::disclosure::{FactName, PossessionProof, Subjects};
use crate::model::{Client, ClientOwner, Credential, KeyFacts, SecretUse, TokenFacts};
use crate::refusal::Refusal;
use crate::{Cause, Digest, PartnerId, Timestamp, must};
use std::sync::Arc;

/// A caller whose credential is genuine. Whether it may do anything is another question.
#[derive(Clone, Debug)]
pub enum Principal {
    /// An account or partner, by API key.
    Key(Arc<KeyFacts>),
    /// An app acting for an owner, by token.
    Token(Arc<TokenFacts>),
}

/// The outcome of identification.
#[derive(Clone, Debug)]
pub enum Identified {
    /// Genuine.
    Proven(Principal, PossessionProof),
    /// Not, or of the wrong kind.
    Refused(Box<Refusal>),
}

/// Compared with when nothing was found, so that the work is the same.
const NOBODY: Digest = Digest::from_bytes([0x5a; 32]);

/// An API key, by its id's entry in the index of credentials.
pub fn identify_key(presented: &Digest, found: Option<&Credential>, now: Timestamp) -> Identified {
    match found {
        Some(Credential::Key(facts)) => {
            if facts.key.digest == *presented {
                Identified::Proven(Principal::Key(facts.clone()), PossessionProof(()))
            } else {
                rejected(Cause::CredentialSecretMismatch)
            }
        }
        Some(Credential::Client(client)) => {
            let own = client.secret_matches(presented, SecretUse::Own, now);
            let partners = client
                .visible_to
                .iter()
                .any(|p| client.secret_matches(presented, SecretUse::Partner(p), now));
            if own | partners {
                Identified::Refused(Box::new(wrong_kind(client)))
            } else {
                rejected(Cause::CredentialSecretMismatch)
            }
        }
        None => {
            std::hint::black_box(NOBODY == *presented);
            rejected(Cause::CredentialUnknown)
        }
    }
}

fn rejected(true_cause: Cause) -> Identified {
    Identified::Refused(Box::new(Refusal::anonymous(Cause::CredentialRejected).because(true_cause)))
}

fn wrong_kind(client: &Client) -> Refusal {
    let refusal = Refusal::anonymous(Cause::CredentialWrongKind);
    Refusal { passed: vec![Check::Possession, Check::NotEnded], failed: Some(Check::Kind), ..refusal }
        .to_holder(PossessionProof(()))
        .with(FactName::CredentialKind, "the client id and secret of an OAuth app")
        .with(FactName::Expected, "an API key or an access token")
        .with(FactName::ClientIdShown, client.id.as_str())
        .about(Subjects { client_developer: developer(client), ..Subjects::default() })
}

/// A bearer token. The digest is of all of it, so finding the row proves possession.
pub fn identify_token(found: Option<&Arc<TokenFacts>>) -> Identified {
    match found {
        Some(facts) => Identified::Proven(Principal::Token(facts.clone()), PossessionProof(())),
        None => rejected(Cause::CredentialUnknown),
    }
}

/// Client authentication by secret (RFC 6749 section 2.3.1), then the client's status. The order is the rule:
/// only a caller that has shown the secret learns that the client is switched off.
///
/// # Errors
/// The refusal; unknown clients and wrong secrets give the same.
pub fn identify_client(
    presented: &Digest,
    found: Option<&Arc<Client>>,
    used: SecretUse<'_>,
    contact: &str,
    now: Timestamp,
) -> Result<PossessionProof, Box<Refusal>> {
    let Some(client) = found else {
        std::hint::black_box(NOBODY == *presented);
        return Err(Box::new(Refusal::anonymous(Cause::ClientRejected).because(Cause::CredentialUnknown)));
    };
    if must!("rfc6749-2.3.1-secret", !client.secret_matches(presented, used, now)) {
        return Err(Box::new(
            Refusal::anonymous(Cause::ClientRejected).because(Cause::CredentialSecretMismatch),
        ));
    }
    demand_usable(client, contact, now)
}

/// The state of a client that has been proven to be the caller, or that has nothing to prove. To be asked after
/// possession, never before (SECURITY R6).
///
/// # Errors
/// It is switched off, not active yet or expired.
pub fn demand_usable(
    client: &Client,
    contact: &str,
    now: Timestamp,
) -> Result<PossessionProof, Box<Refusal>> {
    let proof = PossessionProof(());
    match client_fault(client, now) {
        None => Ok(proof),
        Some((cause, since)) => Err(Box::new(
            Refusal::anonymous(cause)
                .to_holder(proof)
                .with(FactName::CredentialKind, "the client id and secret of an OAuth app")
                .with(FactName::ClientStatus, client.status.as_str())
                .with(FactName::Since, since)
                .with(FactName::Contact, contact)
                .about(Subjects { client_developer: developer(client), ..Subjects::default() }),
        )),
    }
}

/// Client authentication where the secret may be the client's own or one of a partner's (RFC 6749 section 2.3.1 with
/// SECURITY R23). Says whose secret it was.
///
/// # Errors
/// As [`identify_client`].
pub fn identify_client_of_any(
    presented: &Digest,
    found: Option<&Arc<Client>>,
    contact: &str,
    now: Timestamp,
) -> Result<(PossessionProof, Option<PartnerId>), Box<Refusal>> {
    let partner = found.and_then(|client| {
        let own = client.secret_matches(presented, SecretUse::Own, now);
        client
            .visible_to
            .iter()
            .find(|p| client.secret_matches(presented, SecretUse::Partner(p), now) && !own)
    });
    let used = partner.map_or(SecretUse::Own, SecretUse::Partner);
    identify_client(presented, found, used, contact, now).map(|proof| (proof, partner.cloned()))
}

/// Why a client may not be used now, and since or until when.
pub(crate) fn client_fault(client: &Client, now: Timestamp) -> Option<(Cause, Timestamp)> {
    if client.status == crate::model::Status::Disabled {
        return Some((Cause::ClientDisabled, client.status_since));
    }
    match (client.active_from, client.expires_at) {
        (Some(from), _) if now < from => Some((Cause::ClientPending, from)),
        (_, Some(end)) if now >= end => Some((Cause::ClientExpired, end)),
        _ => None,
    }
}

pub(crate) fn developer(client: &Client) -> Option<crate::UserId> {
    match &client.owner {
        ClientOwner::User(user) => Some(user.clone()),
        ClientOwner::Partner(_) | ClientOwner::Operator => None,
    }
}
