//! What keeps forms honest: where a post comes from, and the token that binds a form to page, session, user and the
//! one thing it is about (SECURITY R19, R25).

use super::session::Me;
use super::visit::Visit;
use crate::{Arrival, Fail};
use http::header::{self, HeaderName};
use mandate_core::disclosure::FactName;
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, Digest, format, must};
use mandate_wire::form::Form;
use mandate_wire::ticket::Purpose;
use mandate_wire::{body, form};

/// A form may lie open for so long.
const FORM_LIFETIME_S: i64 = 3600;

/// What a form is bound to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Binding<'a> {
    /// The page it stands on.
    pub(super) page: &'static str,
    /// Who is signed in; `None` before sign-in.
    pub(super) me: Option<&'a Me>,
    /// The one thing it is about: an authorization request, or the page to go to.
    pub(super) about: &'a str,
}

impl Binding<'_> {
    fn text(&self) -> String {
        let (session, user) = self.me.map_or(("", ""), |me| (me.session.id.as_str(), me.user.id.as_str()));
        format!(
            "{}\n{session}\n{user}\n{}",
            self.page,
            format::hex(Digest::of(self.about.as_bytes()).as_bytes())
        )
    }

    /// The token for the form.
    pub(super) fn token(&self, arrival: &Arrival<'_>) -> String {
        let expires = arrival.now.plus_seconds(FORM_LIFETIME_S);
        arrival.tenant.tickets.seal(Purpose::Form, &self.text(), expires, &*arrival.issuer.entropy)
    }

    /// Demands the token of this very form.
    ///
    /// # Errors
    /// [`Cause::FormRejected`].
    pub(super) fn demand(&self, arrival: &Arrival<'_>, form: &Form) -> Result<(), Fail> {
        let Some(token) = form.get("form_token") else { return Err(rejected("it holds no form token")) };
        match arrival.tenant.tickets.open(Purpose::Form, token, arrival.now) {
            None => Err(rejected("its token is too old or not of this site")),
            Some(text) if must!("rfc6749-10.12-form", text != self.text()) => {
                Err(rejected("its token is of another session, user, page or request"))
            }
            Some(_) => Ok(()),
        }
    }
}

/// A form that was posted from a page of ours, or from a program that does not say where it posts from.
///
/// # Errors
/// It came from another site, or cannot be read.
pub(super) fn posted(visit: &Visit<'_>) -> Result<Form, Fail> {
    if visit.request.body().len() > body::LARGEST {
        return Err(body::too_large(body::LARGEST).into());
    }
    from_here(visit)?;
    body::demand_content_type(visit.headers(), "application/x-www-form-urlencoded")?;
    Ok(form::Form::parse(visit.request.body())?)
}

fn from_here(visit: &Visit<'_>) -> Result<(), Fail> {
    const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
    let sites = visit.headers().get_all(SITE);
    if !sites.iter().all(|site| matches!(site.as_bytes(), b"same-origin" | b"none")) {
        return Err(rejected("it was sent from another site"));
    }
    let host = visit.arrival.host();
    let origins = visit.headers().get_all(header::ORIGIN);
    if !origins.iter().all(|o| o.to_str().is_ok_and(|o| is_origin_of(o, &host.url, &host.aliases))) {
        return Err(rejected("it was sent from another origin"));
    }
    Ok(())
}

/// Whether an `Origin` is that of a host, under its own name or an alias.
fn is_origin_of(origin: &str, url: &str, aliases: &[Box<str>]) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let Some(authority) = origin.strip_prefix(scheme).and_then(|o| o.strip_prefix("://")) else {
        return false;
    };
    let own = rest.split('/').next().unwrap_or(rest);
    std::iter::once(own).chain(aliases.iter().map(|a| &**a)).any(|a| a.eq_ignore_ascii_case(authority))
}

/// The refusal of a form.
pub(super) fn rejected(defect: &'static str) -> Fail {
    Refusal::anonymous(Cause::FormRejected).with(FactName::Defect, defect).into()
}

/// Whether a text can be an id of ours: what is not is never looked up.
pub(super) fn is_id(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|b| matches!(b, 0x21..=0x7e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r19_origins_are_compared_whole() {
        let aliases = [Box::from("localhost:7110")];
        for (origin, right) in [
            ("http://127.0.0.1:7110", true),
            ("http://localhost:7110", true),
            ("http://127.0.0.1:7111", false),
            ("http://127.0.0.1", false),
            ("https://127.0.0.1:7110", false),
            ("http://127.0.0.1:7110.evil.test", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(is_origin_of(origin, "http://127.0.0.1:7110/", &aliases), right, "{origin}");
        }
    }
}
