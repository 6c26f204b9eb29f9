//! The pages that people use: sign-in, consent, what was allowed to whom, keys, sessions, explanations. Plain HTML
//! forms, no scripts, each step at an address of its own. A node keeps nothing between two of them: what is under way
//! travels in sealed tickets, so that the next step may come to another node.

mod answer;
mod apps;
mod authorize;
mod causes;
mod consent;
mod device;
mod end_session;
mod explain;
mod guard;
mod keys;
mod login;
mod password;
mod pending;
mod refused;
mod reply;
mod session;
mod sessions;
mod templates;
#[cfg(test)]
mod tests;
mod visit;
mod words;

pub(crate) use pending::check_pushed;
pub use templates::environment;
#[cfg(test)]
pub(crate) use tests::platform as sample_platform;
pub(crate) use words::{look, network};

use crate::{Arrival, Fail};
use bytes::Bytes;
use http::{Request, Response};
use mandate_core::platform::{Call, Surface};
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, disclosure::FactName};
use visit::Visit;

/// Whether a path is one of the pages that explain refusals: they know no session, so they may stand beside an API.
pub(crate) fn explains(path: &str) -> bool {
    let below = |start: &str| path.strip_prefix(start).is_some_and(|id| !id.is_empty() && !id.contains('/'));
    matches!(path, "/causes" | "/causes.json" | "/static/style.css" | "/static/icon.svg")
        || below("/explain/")
        || below("/causes/")
}

/// What a page's handler gives back.
type Answer = Result<Response<Bytes>, Fail>;

/// An address of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Page<'p> {
    Home,
    Authorize,
    Login,
    Consent,
    Device,
    Apps,
    RevokeApp,
    Keys,
    ChangeKeys(keys::Act),
    Sessions,
    EndSession,
    EndAllSessions,
    Password,
    Logout,
    EndSessionByApp,
    Explain(&'p str),
    Causes,
    CausesJson,
    Cause(&'p str),
    Errors,
    Style,
    Icon,
}

impl<'p> Page<'p> {
    /// The page at a path. Paths are compared as they came, undecoded.
    fn at(path: &'p str, surface: Surface) -> Option<Self> {
        match surface.endpoint(path).map(|endpoint| endpoint.call) {
            Some(Call::Authorize) => return Some(Self::Authorize),
            Some(Call::DevicePage) => return Some(Self::Device),
            Some(Call::EndSession) => return Some(Self::EndSessionByApp),
            _ => {}
        }
        if !surface.has_pages() && !explains(path) {
            return None;
        }
        let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        Some(match segments[..] {
            [""] => Self::Home,
            ["login"] => Self::Login,
            ["consent"] => Self::Consent,
            ["apps"] => Self::Apps,
            ["apps", "revoke"] => Self::RevokeApp,
            ["keys"] => Self::Keys,
            ["keys", act] => Self::ChangeKeys(keys::Act::from_word(act)?),
            ["sessions"] => Self::Sessions,
            ["sessions", "end"] => Self::EndSession,
            ["sessions", "end-all"] => Self::EndAllSessions,
            ["password"] => Self::Password,
            ["logout"] => Self::Logout,
            ["explain", id] => Self::Explain(id),
            ["causes"] => Self::Causes,
            ["causes.json"] => Self::CausesJson,
            ["causes", id] => Self::Cause(id),
            ["error"] => Self::Errors,
            ["static", "style.css"] => Self::Style,
            ["static", "icon.svg"] => Self::Icon,
            _ => return None,
        })
    }

    /// The path's pattern, for records: never the raw path (SECURITY R4).
    fn pattern(self) -> &'static str {
        match self {
            Self::Home => "/",
            Self::Authorize => "/oauth/authorize",
            Self::Login => "/login",
            Self::Consent => "/consent",
            Self::Device => "/device",
            Self::Apps => "/apps",
            Self::RevokeApp => "/apps/revoke",
            Self::Keys => "/keys",
            Self::ChangeKeys(act) => act.pattern(),
            Self::Sessions => "/sessions",
            Self::EndSession => "/sessions/end",
            Self::EndAllSessions => "/sessions/end-all",
            Self::Password => "/password",
            Self::Logout => "/logout",
            Self::EndSessionByApp => "/end_session",
            Self::Explain(_) => "/explain/{id}",
            Self::Causes => "/causes",
            Self::CausesJson => "/causes.json",
            Self::Cause(_) => "/causes/{id}",
            Self::Errors => "/error",
            Self::Style => "/static/style.css",
            Self::Icon => "/static/icon.svg",
        }
    }

    /// The methods it takes, as `Allow` says them.
    fn allow(self) -> &'static str {
        match self {
            // the first: OpenID Connect Core section 3.1.2.1; where the original knows GET only, POST does no harm
            Self::Authorize
            | Self::Login
            | Self::Consent
            | Self::Device
            | Self::Password
            | Self::Logout
            | Self::EndSessionByApp => "GET, HEAD, POST",
            Self::RevokeApp | Self::ChangeKeys(_) | Self::EndSession | Self::EndAllSessions => "POST",
            _ => "GET, HEAD",
        }
    }
}

/// Answers a request to the pages' origin.
pub(crate) async fn handle(arrival: &Arrival<'_>, request: Request<Bytes>) -> Response<Bytes> {
    let page = Page::at(request.uri().path(), arrival.host().surface);
    let visit = Visit::new(arrival, &request, page.map(Page::pattern));
    let answer = match page {
        Some(page) => dispatch(&visit, page).await,
        None => Err(Refusal::anonymous(Cause::PathUnknown).into()),
    };
    match answer {
        Ok(response) => response,
        Err(fail) => refused::answer(&visit, fail, page.map(Page::allow)).await,
    }
}

async fn dispatch(visit: &Visit<'_>, page: Page<'_>) -> Answer {
    let method = visit.request.method();
    if !page.allow().split(", ").any(|m| m == method.as_str()) {
        let received =
            if mandate_wire::body::is_known_method(method) { method.as_str() } else { "an unknown method" };
        return Err(Refusal::anonymous(Cause::MethodUnknown)
            .with(FactName::Received, received)
            .with(FactName::Expected, page.allow())
            .into());
    }
    let post = method == http::Method::POST;
    match page {
        Page::Home => answer::home(visit).await,
        Page::Authorize => authorize::begin(visit).await,
        Page::Login if post => login::submit(visit).await,
        Page::Login => login::show(visit).await,
        Page::Consent if post => consent::decide(visit).await,
        Page::Consent => consent::show(visit).await,
        Page::Device if post => device::submit(visit).await,
        Page::Device => device::show(visit).await,
        Page::Apps => apps::show(visit).await,
        Page::RevokeApp => apps::revoke(visit).await,
        Page::Keys => keys::show(visit).await,
        Page::ChangeKeys(act) => keys::change(visit, act).await,
        Page::Sessions => sessions::show(visit).await,
        Page::EndSession => sessions::end(visit).await,
        Page::EndAllSessions => sessions::end_all(visit).await,
        Page::Password if post => password::change(visit).await,
        Page::Password => password::show(visit).await,
        Page::Logout if post => sessions::sign_out(visit).await,
        Page::Logout => sessions::confirm_sign_out(visit).await,
        Page::EndSessionByApp => end_session::begin(visit).await,
        Page::Explain(id) => explain::show(visit, id).await,
        Page::Causes => causes::list(visit).await,
        Page::CausesJson => Ok(causes::json()),
        Page::Cause(id) => causes::show(visit, id).await,
        Page::Errors => answer::error_page(visit).await,
        Page::Style => Ok(answer::fixed(visit, templates::STYLE, "text/css; charset=utf-8")),
        Page::Icon => Ok(answer::fixed(visit, templates::ICON, "image/svg+xml")),
    }
}
