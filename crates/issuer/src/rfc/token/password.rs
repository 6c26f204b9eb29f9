//! RFC 6749 section 4.3: a machine signs on with name and password, where the platform file allows it (DESIGN D15). People
//! never do (SECURITY R5); all others get one answer (R7).

use super::refused::{refresh_ended, reused, scope_invalid};
use super::{Asked, Coming, own_scopes};
use crate::rfc::context::Context;
use crate::{Fail, pages};
use bytes::Bytes;
use http::Response;
use mandate_core::disclosure::{FactName as F, PossessionProof, Subjects};
use mandate_core::grant::{
    GrantSpec, SignOnRule, displaced, displaced_links, identify_machine, password_of_machine, quota_reached,
};
use mandate_core::legacy::LegacyUse;
use mandate_core::model::{EndReason, GrantedBy, PasswordHash, Status, User};
use mandate_core::refresh::{Chain, Repeats};
use mandate_core::refusal::Refusal;
use mandate_core::{AccountId, Cause, ChainId, GrantId, ScopeSet, Secret, format, must};
use mandate_store::{SignOn, SignedOn};

/// Shortest new password, in characters.
const SHORTEST: usize = 8;
/// Longest one, in bytes.
const LONGEST: usize = 1024;
/// Takes the place of the machine's other sign-ons.
const EXCLUSIVE: &str = "takeExclusiveSignOnControl";
/// The machine's password from now on.
const NEW_PASSWORD: &str = "newPassword";

impl Asked<'_> {
    /// Verifies, counts and issues. There always is a refresh token: without one the sign-on could not go on.
    pub(super) async fn password(self) -> Result<Response<Bytes>, Fail> {
        for parameter in ["username", "password"] {
            if must!("rfc6749-4.3.2-parameters") {
                self.form.required(parameter)?;
            }
        }
        let name = self.form.get("username").unwrap_or("");
        let password = Secret::new(self.form.get("password").unwrap_or(""));
        let exclusive = self.is_exclusive()?;
        let next = self.form.get(NEW_PASSWORD).map(new_password).transpose()?;
        let (machine, proof) = self.verified(name, &password).await?;
        let scopes = self.scopes()?;
        let new_password = match next {
            Some(next) => Some(self.hashed(&next).await?),
            None => None,
        };
        let new = self.sign_on(&machine, exclusive, new_password, &scopes).await?;
        match self.arrival.issuer.store.sign_on(&new.on).await? {
            SignedOn::Done { grant, .. } => {
                self.arrival.used_of_old(&self.client.id, LegacyUse::PasswordGrant);
                let (offset, chain) = (self.offset, &new.chain);
                let hangs_from = (&grant, offset);
                let said = Some((chain, chain.generation));
                self.answer(&new.access, hangs_from, &scopes, &new.context, said).await
            }
            SignedOn::QuotaReached { quota, live } => {
                let subjects = Subjects { account_owner: Some(machine.id), ..Subjects::default() };
                let refusal = quota_reached(quota, &live, proof)
                    .with(F::ClientName, &*self.client.name)
                    .with(F::Address, pages::network(self.arrival.address));
                Err(refusal.about(subjects).into())
            }
            // somebody changed it just now: then it is not the password any more
            SignedOn::NotVerified => Err(identify_machine(Some(&machine), false)
                .map_or_else(Fail::from, |_| Refusal::anonymous(Cause::Internal).into())),
            SignedOn::Reused(kind) => Err(reused(kind)),
        }
    }

    /// The machine, once its password was shown. One look-up and one digest for every name (SECURITY R7).
    async fn verified(&self, name: &str, password: &Secret) -> Result<(User, PossessionProof), Fail> {
        let (arrival, issuer) = (self.arrival, self.arrival.issuer);
        let (counted, _turn) =
            issuer.throttle.attempt_in_turn(arrival.platform(), name, arrival.address, arrival.now).await?;
        // a name with control characters is nobody's, and some stores cannot even be asked
        let typed = if name.chars().any(char::is_control) { "" } else { name };
        let found = issuer.store.user_by_name(arrival.platform(), typed).await?;
        let held = password_of_machine(found.as_ref()).zip(found.as_ref());
        let machine = held.map(|(hash, user)| ((arrival.platform(), &user.id), hash));
        let asker = format!("{} {}", arrival.platform(), arrival.address);
        let matched = match issuer.passwords.verify_machine(&asker, password, machine).await {
            Ok(matched) => matched,
            Err(fault) => {
                // nothing was compared
                counted.forgive();
                return Err(fault.into());
            }
        };
        let proof = identify_machine(found.as_ref(), matched)?;
        counted.forgive();
        let machine = found.ok_or_else(|| Refusal::anonymous(Cause::Internal))?;
        Ok((machine, proof))
    }

    /// `true` and `false` as programs write them.
    fn is_exclusive(&self) -> Result<bool, Fail> {
        match self.form.get(EXCLUSIVE) {
            None => Ok(false),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(_) => Err(Refusal::anonymous(Cause::ParameterInvalid)
                .with(F::Parameter, EXCLUSIVE)
                .with(F::Defect, "it is neither true nor false")
                .with(F::Expected, "true or false")
                .into()),
        }
    }

    /// What is given of what was asked for, umbrellas as their leaves; what is about people is not a machine's.
    fn scopes(&self) -> Result<ScopeSet, Fail> {
        let snapshot = &self.arrival.tenant.snapshot;
        let allowed = own_scopes(&self.client.scopes);
        let asked = match self.form.get("scope") {
            None => allowed.clone(),
            Some(text) => ScopeSet::parse(text).unwrap_or_default(),
        };
        snapshot.grantable(&asked, &allowed).map_err(|refused| scope_invalid(&refused, &allowed))
    }

    async fn hashed(&self, password: &Secret) -> Result<PasswordHash, Fail> {
        let issuer = self.arrival.issuer;
        Ok(issuer.passwords.hash(password, &*issuer.entropy).await?)
    }

    async fn sign_on(
        &self,
        machine: &User,
        exclusive: bool,
        new_password: Option<PasswordHash>,
        scopes: &ScopeSet,
    ) -> Result<Prepared, Fail> {
        let arrival = self.arrival;
        let network = pages::network(arrival.address);
        let context = Context {
            user: Some(machine.id.to_string()),
            resource: self.form.get("resource").map(ToOwned::to_owned).into_iter().collect(),
            ..Context::default()
        };
        let grant = GrantSpec {
            platform: arrival.platform().clone(),
            new_id: GrantId::new(format::opaque("g", &*arrival.issuer.entropy)),
            client: self.client.id.clone(),
            user: Some(machine.id.clone()),
            accounts: self.accounts(machine).await?,
            scopes: scopes.clone(),
            granted_by: GrantedBy::Owner,
        };
        let chain = Chain {
            scopes: scopes.clone(),
            context: context.for_chain().text().into(),
            repeats: Repeats { answered_to: network.as_str().into(), ..Repeats::default() },
            ..self.chain()
        };
        let detail = format!(
            "by {} from {network}{}{}",
            self.client.id,
            if exclusive { ", exclusive" } else { "" },
            if new_password.is_some() { ", with a new password" } else { "" },
        );
        let audit = arrival.audit(
            format!("user:{}", machine.id),
            "session.sign_on",
            format!("session:{}", chain.id),
            detail,
        );
        let coming = self.coming();
        let on = SignOn {
            grant,
            rule: SignOnRule { password_version: machine.password_version, exclusive },
            new_password,
            scopes: scopes.clone(),
            minted: self.minted(&coming, Some(chain.clone())),
            audit,
        };
        Ok(Prepared { on, access: coming, chain, context })
    }

    /// The machine's accounts in the environments of this host.
    async fn accounts(&self, machine: &User) -> Result<Vec<AccountId>, Fail> {
        let here = &self.arrival.host().environments;
        let owned = self.arrival.issuer.store.accounts(self.arrival.platform(), Some(&machine.id)).await?;
        let mut accounts: Vec<AccountId> = owned
            .into_iter()
            .filter(|account| account.status == Status::Active && here.contains(&account.environment))
            .map(|account| account.id)
            .collect();
        accounts.sort_unstable();
        accounts.dedup();
        Ok(accounts)
    }

    /// The refusal of a refresh token whose chain has ended: what took its place, and whose place it had taken.
    pub(super) async fn ended(&self, chain: &Chain) -> Result<Refusal, Fail> {
        let (store, platform) = (&self.arrival.issuer.store, self.arrival.platform());
        let displaced_now = chain.ended.as_ref().filter(|ended| ended.reason == EndReason::Displaced);
        let mut refusal = match displaced_now {
            None => refresh_ended(chain, self.arrival.now),
            Some(ended) => {
                let by = match &ended.successor {
                    Some(id) => store.chain(platform, &ChainId::from(&**id)).await?.value,
                    None => None,
                };
                displaced(chain, by.as_ref().map(|(chain, _)| chain), self.arrival.now)
            }
        };
        refusal.links.extend(displaced_links(&store.displaced(platform, &chain.id).await?));
        Ok(refusal)
    }
}

/// A sign-on before it is known whether it may be.
struct Prepared {
    on: SignOn,
    access: Coming,
    chain: Chain,
    context: Context,
}

fn new_password(text: &str) -> Result<Secret, Fail> {
    let defect = if text.chars().count() < SHORTEST {
        format!("a password has at least {SHORTEST} characters")
    } else if text.len() > LONGEST {
        format!("a password has at most {LONGEST} bytes")
    } else {
        return Ok(Secret::new(text));
    };
    Err(Refusal::anonymous(Cause::ParameterInvalid)
        .with(F::Parameter, NEW_PASSWORD)
        .with(F::Defect, defect)
        .with(F::Expected, "a longer or shorter one")
        .into())
}
