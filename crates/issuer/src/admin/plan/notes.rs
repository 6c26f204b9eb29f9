//! What a change of the file means for what the file does not own: accounts, keys and clients stay, but may stop
//! working.

use super::{Change, ChangeKind};
use mandate_core::model::{Account, Client};

/// What exists on the platform.
#[derive(Debug, Default)]
pub(in crate::admin) struct Standing {
    pub(in crate::admin) accounts: Vec<Account>,
    pub(in crate::admin) clients: Vec<Client>,
}

/// One sentence for each thing that goes and is still named by accounts or clients.
pub(in crate::admin) fn notes(changes: &[Change], standing: &Standing) -> Vec<String> {
    let gone = changes.iter().filter(|c| c.kind == ChangeKind::Removed);
    gone.filter_map(|change| note(change, standing)).collect()
}

fn note(change: &Change, standing: &Standing) -> Option<String> {
    let name = change.name.as_str();
    let accounts = |named: &dyn Fn(&Account) -> bool| standing.accounts.iter().filter(|a| named(a)).count();
    let clients = |named: &dyn Fn(&Client) -> bool| standing.clients.iter().filter(|c| named(c)).count();
    let (count, what, then) = match change.section {
        "environments" => (
            accounts(&|a| a.environment.as_str() == name),
            "account",
            "no host serves it, and no keys can be made there",
        ),
        "plans" => (
            accounts(&|a| a.plan.as_ref().is_some_and(|p| p.as_str() == name)),
            "account",
            "the limits of the default plan hold instead",
        ),
        "partners" => (
            accounts(&|a| a.partner.as_ref().is_some_and(|p| p.as_str() == name)),
            "account",
            "nobody acts there as that partner any more, and its keys stop working",
        ),
        "scopes" => (
            clients(&|c| c.scopes.iter().any(|s| s.as_str() == name)),
            "client",
            "it can no longer be given, and opens nothing for tokens that hold it",
        ),
        "licences" => (
            clients(&|c| c.licences.iter().any(|l| l.as_str() == name)),
            "client",
            "holding it means nothing from now on",
        ),
        _ => return None,
    };
    let plural = if count == 1 { "" } else { "s" };
    (count > 0).then(|| format!("{}.{name} is still named by {count} {what}{plural}: {then}", change.section))
}
