//! How times, addresses, browsers, reasons and facts are said to people.

use mandate_core::disclosure::FactName;
use mandate_core::model::{EndReason, Ended};
use mandate_core::platform::Snapshot;
use mandate_core::refresh::Look;
use mandate_core::{ScopeSet, Timestamp, format};
use serde::Serialize;
use std::net::IpAddr;

/// A point in time for `<time>`.
#[derive(Debug, Clone, Serialize)]
pub(super) struct When {
    iso: String,
    text: String,
}

impl When {
    /// As it is read.
    pub(super) fn text(&self) -> String {
        self.text.clone()
    }
}

/// A point in time, to the minute, in UTC.
pub(super) fn when(at: Timestamp) -> When {
    let iso = format::rfc3339(at);
    let text = format!("{} UTC", iso.get(..16).unwrap_or(&iso).replace('T', " "));
    When { iso, text }
}

/// A point in time, to the second: for explanations.
pub(super) fn precisely(at: Timestamp) -> When {
    let iso = format::rfc3339(at);
    let text = format!("{} UTC", iso.trim_end_matches('Z').replace('T', " "));
    When { iso, text }
}

/// When and why something ended, and what came after it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct End {
    when: When,
    reason: &'static str,
    successor: Option<String>,
    over: bool,
}

impl End {
    /// Whether it has come.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }
}

/// The end of a key or grant; `now` tells past from coming.
pub(super) fn end(ended: &Ended, now: Timestamp) -> End {
    End {
        when: when(ended.at),
        reason: reason(ended.reason),
        successor: ended.successor.as_deref().map(Into::into),
        over: ended.by(now),
    }
}

/// What a refresh token that came again looks like.
pub(crate) fn look(look: Look) -> &'static str {
    match look {
        Look::Retry => "a program that repeats a request whose answer it did not get",
        Look::Race => "two programs that refresh with one token",
        Look::Theft => "a token that somebody else has too",
    }
}

fn reason(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Owner => "removed by you",
        EndReason::Holder => "given back by the app or partner",
        EndReason::Operator => "ended by the operator",
        EndReason::Replaced => "replaced by a newer key",
        EndReason::AccountReset => "the account was reset",
        EndReason::CodeReplayed => "its authorization code was presented twice",
        EndReason::RefreshReplayed => "one of its refresh tokens was presented twice",
        EndReason::Expired => "it expired",
        EndReason::SignedOut => "signed out",
        EndReason::Displaced => "another sign-on of the same machine took its place",
    }
}

/// What scopes allow, as the owner reads it. Where reading the account needs none, that comes first.
pub(super) fn scopes(snapshot: &Snapshot, scopes: &ScopeSet) -> Vec<String> {
    let title = |scope: &mandate_core::Scope| {
        let known = snapshot.platform.scopes.iter().find(|d| d.scope == *scope);
        known.map_or_else(|| scope.to_string(), |d| d.title.to_string())
    };
    let without = snapshot.platform.dialect.data().reads_account.then(|| "Read your account".to_owned());
    let mut may: Vec<String> = without.into_iter().chain(scopes.iter().map(title)).collect();
    if may.is_empty() {
        may.push("Nothing yet: it asks for no permission".to_owned());
    }
    may
}

/// What the platform's scopes would allow beyond these.
pub(super) fn scopes_beyond(snapshot: &Snapshot, scopes: &ScopeSet) -> Vec<String> {
    let (held, leaves) =
        (snapshot.expand(scopes), |d: &mandate_core::platform::ScopeDefinition| d.expands_to.is_empty());
    let beyond = snapshot.platform.scopes.iter().filter(|d| leaves(d) && !held.contains(&d.scope));
    beyond.map(|d| d.title.to_string()).collect()
}

/// A sentence of the catalogue as it stands on a page: bodies have it without capital and full stop.
pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    let stop = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{stop}", chars.as_str())
}

/// The name of a fact.
pub(super) fn fact_name(name: FactName) -> String {
    match name {
        FactName::RetryAfter => "Seconds to wait".into(),
        FactName::KeyIdShown => "Key id".into(),
        FactName::ClientIdShown => "Client id".into(),
        FactName::ServerTime => "Server time".into(),
        FactName::RegisteredRedirects => "Registered redirect URIs".into(),
        FactName::NearestRedirect => "Nearest registered redirect URI".into(),
        FactName::RightHosts => "Hosts that serve it".into(),
        other => {
            let words = other.as_str().replace('_', " ");
            let mut chars = words.chars();
            chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
        }
    }
}

/// The network of an address: enough for its owner to recognise, too little to follow somebody (SECURITY R4).
pub(crate) fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
    }
}

/// Browser and system, from the names that are common; nothing of the header itself is kept.
pub(super) fn browser(user_agent: &str) -> String {
    let first = |names: &[(&'static str, &'static str)]| {
        names.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    let browser = first(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("HeadlessChrome/", "Chrome without a window"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
        ("python-requests/", "a Python program"),
    ]);
    let system = first(&[
        ("Windows", "Windows"),
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("CrOS", "ChromeOS"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.into(),
        (None, Some(system)) => format!("A browser on {system}"),
        (None, None) => "An unknown browser".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r04_addresses_are_shortened() {
        assert_eq!(network(IpAddr::from([192, 0, 2, 77])), "192.0.2.0/24");
        assert_eq!(network("2001:db8:1:2:3:4:5:6".parse().unwrap()), "2001:db8:1::/48");
        assert_eq!(network("::ffff:192.0.2.77".parse().unwrap()), "192.0.2.0/24");
    }

    #[test]
    fn browsers_are_named_and_headers_are_not_kept() {
        for (agent, name) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
                "Safari on iPhone",
            ),
            ("<script>alert(1)</script>", "An unknown browser"),
        ] {
            assert_eq!(browser(agent), name);
        }
    }

    #[test]
    fn times_are_said_in_utc() {
        let at = Timestamp::from_seconds(951_782_461);
        assert_eq!(
            (when(at).text.as_str(), precisely(at).text.as_str()),
            ("2000-02-29 00:01 UTC", "2000-02-29 00:01:01 UTC")
        );
        assert_eq!(fact_name(FactName::HostEnvironments), "Host environments");
    }
}
