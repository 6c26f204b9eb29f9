//! Whether an answer can be given without a page: `prompt=none` (OpenID Connect Core section 3.1.2.6).

use crate::model::{Account, Grant, GrantedBy, Status};
use crate::{AccountId, ClientId, EnvironmentId, ScopeSet, UserId, must};

/// What is asked for without a page.
#[derive(Clone, Copy, Debug)]
pub struct Silently<'a> {
    /// By this app.
    pub client: &'a ClientId,
    /// Of this person.
    pub user: &'a UserId,
    /// For this.
    pub scopes: &'a ScopeSet,
    /// In these environments.
    pub environments: &'a [EnvironmentId],
}

/// What the person has allowed before.
#[derive(Clone, Copy, Debug)]
pub enum Standing<'g> {
    /// This, and it still holds as it is.
    Given(&'g Grant),
    /// Nothing that covers it.
    NotGiven,
    /// It was allowed, and an account of it can no longer be used: the person has to choose again.
    Changed,
}

impl Silently<'_> {
    /// Looks for the grant that holds as it is. `accounts`: those of the person.
    pub fn standing<'g>(
        &self,
        grants: impl IntoIterator<Item = &'g Grant>,
        accounts: &[Account],
    ) -> Standing<'g> {
        let mut found = Standing::NotGiven;
        for grant in grants {
            let given = grant.client == *self.client
                && grant.ended.is_none()
                && grant.granted_by == GrantedBy::Owner
                && !must!("oidc-3.1.2.6-whose-consent", grant.user.as_ref() != Some(self.user))
                && !must!("oidc-3.1.2.6-consent", !grant.scopes.covers(self.scopes));
            if !given {
                continue;
            }
            let own = |id: &AccountId| accounts.iter().find(|a| a.id == *id && a.status == Status::Active);
            let used: Vec<Option<&Account>> = grant.accounts.iter().map(own).collect();
            let beyond = |a: &Account| !self.environments.contains(&a.environment);
            if used.iter().flatten().any(|a| beyond(a)) {
                continue;
            }
            if used.iter().all(Option::is_some) {
                return Standing::Given(grant);
            }
            found = Standing::Changed;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EndReason, Ended};
    use crate::{Offset, Timestamp};

    fn account(id: &str, environment: &str, status: Status) -> Account {
        Account {
            platform: "p".into(),
            id: id.into(),
            environment: environment.into(),
            owner: Some("ann".into()),
            partner: None,
            status,
            status_since: Timestamp::default(),
            plan: None,
            licences: Vec::new(),
            created_at: Timestamp::default(),
            resets: 0,
            kill: Offset(0),
        }
    }

    fn grant(accounts: &[&str]) -> Grant {
        Grant {
            platform: "p".into(),
            id: "g".into(),
            client: "app".into(),
            user: Some("ann".into()),
            accounts: accounts.iter().map(|a| (*a).into()).collect(),
            scopes: ScopeSet::parse("openid accounts").unwrap(),
            granted_by: GrantedBy::Owner,
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
            last_used: None,
            ended: None,
        }
    }

    #[test]
    fn oidc_core_3_1_2_6_what_stands_and_what_does_not() {
        let accounts = [
            account("live", "live", Status::Active),
            account("paper", "paper", Status::Active),
            account("off", "live", Status::Disabled),
        ];
        let fine = || grant(&["live"]);
        let ended = Some(Ended { at: Timestamp::default(), reason: EndReason::Owner, successor: None });
        for (name, grant, expected) in [
            ("as it was", fine(), "given"),
            ("on no account", grant(&[]), "given"),
            ("of another app", Grant { client: "other".into(), ..fine() }, "not"),
            ("of somebody else", Grant { user: Some("bob".into()), ..fine() }, "not"),
            ("a partner's", Grant { granted_by: GrantedBy::Partner("s".into()), ..fine() }, "not"),
            ("ended", Grant { ended, ..fine() }, "not"),
            ("for less", Grant { scopes: ScopeSet::parse("openid").unwrap(), ..fine() }, "not"),
            ("elsewhere too", grant(&["live", "paper"]), "not"),
            ("an account switched off", grant(&["live", "off"]), "changed"),
            ("an account of others by now", grant(&["gone"]), "changed"),
        ] {
            let scopes = ScopeSet::parse("accounts openid").unwrap();
            let asked = Silently {
                client: &"app".into(),
                user: &"ann".into(),
                scopes: &scopes,
                environments: &["live".into()],
            };
            let said = match asked.standing([&grant], &accounts) {
                Standing::Given(_) => "given",
                Standing::NotGiven => "not",
                Standing::Changed => "changed",
            };
            assert_eq!(said, expected, "{name}");
        }
    }
}
