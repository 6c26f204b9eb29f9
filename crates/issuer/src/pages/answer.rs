//! Answers: pages with their headers, redirects, the stylesheet.

use super::reply::SUBMIT;
use super::visit::Visit;
use super::{Answer, session, templates};
use crate::Fail;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderValue, Response, StatusCode};
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, Digest, must};
use minijinja::context;
use minijinja::value::{Serde, Value};
use serde::Serialize;

/// A page on its way out.
#[derive(Debug)]
pub(super) struct Html<'a> {
    template: &'static str,
    user: Option<&'a str>,
    form_target: Option<String>,
    posts_itself: bool,
}

impl<'a> Html<'a> {
    /// A page of this template.
    pub(super) fn new(template: &'static str) -> Self {
        Self { template, user: None, form_target: None, posts_itself: false }
    }
    /// For a signed-in user, whose name stands in the corner.
    pub(super) fn user(mut self, name: &'a str) -> Self {
        self.user = Some(name);
        self
    }
    /// Whose form may lead to this address in the end.
    pub(super) fn form_may_lead_to(mut self, redirect_uri: &str) -> Self {
        self.form_target = source_expression(redirect_uri);
        self
    }
    /// Whose form posts itself to this address, and to no other: the one page with a script.
    pub(super) fn form_posts_itself_to(mut self, redirect_uri: &str) -> Self {
        self.posts_itself = true;
        self.form_may_lead_to(redirect_uri)
    }
    /// Fills the template.
    pub(super) fn render(self, visit: &Visit<'_>, page: impl Serialize) -> Answer {
        let platform = &visit.arrival.tenant.snapshot.platform;
        let context = context! {
            page => Value::from(Serde(page)),
            platform => context! {
                name => &*platform.name,
                contact => &*platform.contact,
                // beside an API nobody signs in, and there is no page to begin at (SECURITY R19)
                signs_in => visit.arrival.host().surface.has_pages(),
            },
            user => self.user,
            here => visit.request.uri().path(),
        };
        let rendered =
            visit.arrival.issuer.templates.get_template(self.template).and_then(|t| t.render(context));
        let text = rendered.map_err(|error| {
            tracing::error!(template = self.template, %error, "a page could not be rendered");
            Fail::from(Refusal::anonymous(Cause::Internal))
        })?;
        let mut response = Response::new(Bytes::from(text));
        set(&mut response, header::CONTENT_TYPE, "text/html; charset=utf-8");
        secure(&mut response, self.form_target.as_deref());
        if self.posts_itself {
            set(&mut response, header::CONTENT_SECURITY_POLICY, &self_posting(self.form_target.as_deref()));
            // an app that compares the origin of what is posted to it sees ours rather than `null`, and no path
            set(&mut response, header::REFERRER_POLICY, "origin");
        }
        Ok(response)
    }
}

/// The headers that every page has. The referrer stays within the origin: without any, browsers would say
/// `Origin: null` in our own forms (Fetch standard), which could not be told from a stranger's.
fn secure(response: &mut Response<Bytes>, form_target: Option<&str>) {
    let form_action = form_target.map_or_else(|| "'self'".to_owned(), |target| format!("'self' {target}"));
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action {form_action}; frame-ancestors 'none'; base-uri 'none'"
    );
    if must!("rfc9700-4.16-policy") {
        set(response, header::CONTENT_SECURITY_POLICY, &policy);
    }
    set(response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    if must!("rfc6749-10.13-frames") {
        set(response, header::X_FRAME_OPTIONS, "DENY");
    }
    set(response, header::REFERRER_POLICY, "same-origin");
    set(response, header::CACHE_CONTROL, "no-store");
}

/// The policy of the page that posts itself: this one script by its hash, and one origin to post to.
fn self_posting(form_target: Option<&str>) -> String {
    let hash = STANDARD.encode(Digest::of(SUBMIT.as_bytes()).as_bytes());
    let target = form_target.unwrap_or("'none'");
    format!(
        "default-src 'none'; script-src 'sha256-{hash}'; style-src 'self'; img-src 'self'; form-action {target}; frame-ancestors 'none'; base-uri 'none'"
    )
}

/// Sets a header to a text of ours; one that is no header text is left out.
pub(super) fn set(response: &mut Response<Bytes>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// On to another page of ours (RFC 9110 section 15.4.4).
pub(super) fn see_other(path: &str) -> Response<Bytes> {
    // Never 307: the browser would send the password on (RFC 9700 section 4.12).
    let see_other = must!("rfc9700-4.12-see-other");
    redirect(if see_other { StatusCode::SEE_OTHER } else { StatusCode::TEMPORARY_REDIRECT }, path)
}

/// Back to the app (RFC 6749 section 4.1.2).
pub(super) fn found(uri: &str) -> Response<Bytes> {
    redirect(StatusCode::FOUND, uri)
}

fn redirect(status: StatusCode, to: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    set(&mut response, header::LOCATION, to);
    set(&mut response, header::CACHE_CONTROL, "no-store");
    if must!("rfc9700-4.2.4-referrer") {
        set(&mut response, header::REFERRER_POLICY, "no-referrer");
    }
    response
}

/// Where a form may lead, as the policy says it: the origin of a web address, the scheme of anything else.
fn source_expression(redirect_uri: &str) -> Option<String> {
    let url = url::Url::parse(redirect_uri).ok()?;
    match (url.scheme(), url.host(), url.port()) {
        // The grammar of sources knows no IPv6 addresses.
        ("http" | "https", Some(url::Host::Ipv6(_)), _) => Some(format!("{}:", url.scheme())),
        ("http" | "https", Some(host), Some(port)) => Some(format!("{}://{host}:{port}", url.scheme())),
        ("http" | "https", Some(host), None) => Some(format!("{}://{host}", url.scheme())),
        (scheme, _, _) => Some(format!("{scheme}:")),
    }
}

/// `/`
pub(super) async fn home(visit: &Visit<'_>) -> Answer {
    let me = session::current(visit).await?;
    let mut page = Html::new("home.html");
    if let Some(me) = &me {
        page = page.user(&me.user.name);
    }
    page.render(visit, ())
}

/// `/error`: errors are shown where they happen; this says so.
pub(super) async fn error_page(visit: &Visit<'_>) -> Answer {
    let me = session::current(visit).await?;
    let mut page = Html::new("error_page.html");
    if let Some(me) = &me {
        page = page.user(&me.user.name);
    }
    page.render(visit, ())
}

/// A file that does not change while we run: the stylesheet, the icon.
pub(super) fn fixed(visit: &Visit<'_>, file: &'static str, content_type: &str) -> Response<Bytes> {
    let tag = format!("\"{}\"", templates::version(file));
    let known = visit.headers().get_all(header::IF_NONE_MATCH).iter().any(|v| v.as_bytes() == tag.as_bytes());
    let body = if known { Bytes::new() } else { Bytes::from_static(file.as_bytes()) };
    let mut response = Response::new(body);
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    set(&mut response, header::ETAG, &tag);
    set(&mut response, header::CONTENT_TYPE, content_type);
    set(&mut response, header::CONTENT_SECURITY_POLICY, "default-src 'none'");
    set(&mut response, header::CACHE_CONTROL, "public, max-age=86400");
    set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_may_lead_to_the_redirect_uri_and_nowhere_else() {
        for (uri, source) in [
            ("https://rp.example.test/cb?a=b", Some("https://rp.example.test")),
            ("http://localhost:41920/callback", Some("http://localhost:41920")),
            ("http://localhost", Some("http://localhost")),
            ("http://[::1]:80/", Some("http:")),
            ("com.example.app:/cb", Some("com.example.app:")),
            ("no uri", None),
        ] {
            assert_eq!(source_expression(uri).as_deref(), source, "{uri}");
        }
    }
}
