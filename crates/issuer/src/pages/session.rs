//! Browser sessions: the cookie, who is signed in, and signing in.

use super::visit::Visit;
use super::words;
use crate::{Arrival, Fail};
use http::{HeaderMap, HeaderValue, header};
use mandate_core::model::{Session, Status, User};
use mandate_core::{Digest, SessionId, format};
use mandate_store::Changed;

/// Who is signed in, in which session.
#[derive(Debug)]
pub(super) struct Me {
    pub(super) session: Session,
    pub(super) user: User,
}

impl Me {
    /// As the audit record names the user.
    pub(super) fn actor(&self) -> String {
        format!("user:{}", self.user.id)
    }
}

/// The cookie's name: it holds the platform, since origins on one host share their cookies (SECURITY R19).
pub(super) fn cookie_name(arrival: &Arrival<'_>) -> String {
    let prefix = if is_secure(arrival) { "__Host-" } else { "" };
    format!("{prefix}mandate_{}_session", arrival.platform())
}

fn is_secure(arrival: &Arrival<'_>) -> bool {
    arrival.issuer_url().starts_with("https://")
}

/// `Set-Cookie` for a session, or to forget one.
fn set_cookie(arrival: &Arrival<'_>, value: Option<&str>) -> Option<HeaderValue> {
    let secure = if is_secure(arrival) { "; Secure" } else { "" };
    let (value, gone) = value.map_or(("", "; Max-Age=0"), |v| (v, ""));
    let text = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{gone}", cookie_name(arrival));
    HeaderValue::from_str(&text).ok()
}

/// Tells the browser to forget its session.
pub(super) fn forget(visit: &Visit<'_>) -> Option<HeaderValue> {
    set_cookie(visit.arrival, None)
}

/// The value of the session cookie. Two different ones are none: one of them was planted.
fn presented(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut found: Option<&str> = None;
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    for (key, value) in cookies.flat_map(|c| c.split(';')).filter_map(|pair| pair.trim().split_once('=')) {
        if key != name || value.is_empty() {
            continue;
        }
        if found.is_some_and(|other| other != value) {
            return None;
        }
        found = Some(value);
    }
    found.filter(|v| v.len() <= 128).map(Into::into)
}

/// Who is signed in, if anybody is.
pub(super) async fn current(visit: &Visit<'_>) -> Result<Option<Me>, Fail> {
    let arrival = visit.arrival;
    // An origin with an API behind it knows no sessions, whatever cookie comes (SECURITY R19).
    let knows_sessions = arrival.host().surface.has_pages();
    let cookie = presented(visit.headers(), &cookie_name(arrival)).filter(|_| knows_sessions);
    let Some(cookie) = cookie else { return Ok(None) };
    let found =
        arrival.issuer.store.session(arrival.platform(), &Digest::of(cookie.as_bytes()), arrival.now).await?;
    Ok(found.filter(|(_, user)| user.status == Status::Active).map(|(session, user)| Me { session, user }))
}

/// Opens a session: always a new one, and the browser's old one ends (SECURITY R25). `None` if the user may not sign
/// in, or the password was changed since it was verified.
pub(super) async fn open(visit: &Visit<'_>, user: &User) -> Result<Option<HeaderValue>, Fail> {
    let arrival = visit.arrival;
    let before = current(visit).await?;
    let entropy = &*arrival.issuer.entropy;
    let cookie = format::opaque("", entropy);
    let agent = visit.headers().get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or("");
    let session = Session {
        id: SessionId::new(format::opaque("s", entropy)),
        digest: Digest::of(cookie.as_bytes()),
        user: user.id.clone(),
        created_at: arrival.now,
        last_seen: arrival.now,
        expires_at: arrival
            .now
            .plus_seconds(i64::from(arrival.tenant.snapshot.platform.tokens.session_lifetime_s)),
        address: words::network(arrival.address).into(),
        browser: words::browser(agent).into(),
    };
    let made =
        arrival.issuer.store.create_session(arrival.platform(), &session, user.password_version).await?;
    if made != Changed::Done {
        return Ok(None);
    }
    if let Some(before) = before {
        end(visit, &before, Some(&before.session.id), "a new sign-in in the same browser").await?;
    }
    Ok(set_cookie(arrival, Some(&cookie)))
}

/// Ends one session of a user, or all of them.
pub(super) async fn end(visit: &Visit<'_>, me: &Me, id: Option<&SessionId>, why: &str) -> Result<u64, Fail> {
    let subject = id.map_or_else(|| format!("user:{}", me.user.id), |id| format!("session:{id}"));
    let audit = visit.arrival.audit(me.actor(), "session.end", subject, why.into());
    Ok(visit.arrival.issuer.store.end_sessions(visit.arrival.platform(), &me.user.id, id, &audit).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_cookie_counts_and_a_planted_one_makes_none() {
        let read = |cookies: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for cookie in cookies {
                headers.append(header::COOKIE, HeaderValue::from_static(cookie));
            }
            presented(&headers, "mandate_p_session")
        };
        assert_eq!(read(&["a=b; mandate_p_session=x; c=d"]).as_deref(), Some("x"));
        assert_eq!(read(&["mandate_p_session=x; mandate_p_session=x"]).as_deref(), Some("x"));
        assert_eq!(read(&["mandate_p_session=x", "mandate_p_session=y"]), None);
        assert_eq!(read(&["mandate_q_session=x; mandate_p_session="]), None);
        assert_eq!(read(&[]), None);
    }
}
