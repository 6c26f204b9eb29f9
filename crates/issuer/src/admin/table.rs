//! The table of endpoints: the one place that says which there are. The router looks a request up in it, bodies and
//! queries are checked against it, and the `OpenAPI` document is printed from it.

mod endpoints;
mod members;

pub(super) use endpoints::ENDPOINTS;

use super::problem::Problem;
use super::shapes::Shape;
use http::Method;
use mandate_core::Cause;

/// Where the API begins.
pub(super) const ROOT: &str = "/admin/v1";
/// Largest platform file, in bytes of its JSON body.
pub(super) const LARGEST_FILE: usize = 1024 * 1024;
/// Largest body of every other endpoint.
const LARGEST_BODY: usize = 64 * 1024;

/// What an endpoint does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// It concerns the node, or several platforms.
    Node(NodeOp),
    /// It concerns the platform in its path.
    Platform(PlatformOp),
}

/// Acts on the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeOp {
    Me,
    Platforms,
    Plan,
    Apply,
    FindDecision,
    Audit,
    Admins,
    CreateAdmin,
    EndAdmin,
}

/// Acts on one platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlatformOp {
    Show,
    File,
    Counts,
    Users,
    CreateUser,
    ChangeUser,
    SignOns,
    SetPassword,
    Accounts,
    CreateAccount,
    Account,
    DisableAccount,
    EnableAccount,
    ResetAccount,
    Keys,
    CreateKey,
    ReplaceKey,
    RevokeKey,
    Clients,
    CreateClient,
    Client,
    ChangeClient,
    AddSecret,
    DisableClient,
    EnableClient,
    ApproveLive,
    WithdrawLive,
    Partners,
    CreatePartnerKey,
    Grants,
    RevokeGrant,
    SigningKeys,
    RotateSigningKeys,
    RetireSigningKey,
    Decision,
}

/// What an administrator needs for an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    /// Any administrator.
    Read,
    /// One that may change things.
    Write,
}

/// The kind of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A text.
    Text,
    /// A text that is never shown again.
    Secret,
    /// The text of a platform file.
    Document,
    /// A list of texts.
    Texts,
    /// An object.
    Object,
    /// A whole number.
    Number,
    /// Yes or no.
    Flag,
}

impl Kind {
    /// For people.
    pub(super) const fn in_words(self) -> &'static str {
        match self {
            Self::Text | Self::Secret | Self::Document => "a text",
            Self::Texts => "a list of texts",
            Self::Object => "an object",
            Self::Number => "a whole number",
            Self::Flag => "true or false",
        }
    }
}

/// A member of a body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) required: bool,
    pub(super) about: &'static str,
}

/// A parameter of a query.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) about: &'static str,
}

/// What an endpoint answers with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Gives {
    /// 200 and one object.
    One(Shape),
    /// 201 and what was made.
    Made(Shape),
    /// 200 and `{"items": […]}`.
    Many(Shape),
    /// 200 and the text of a platform file.
    Toml,
}

/// One endpoint.
#[derive(Clone, Copy, Debug)]
pub(super) struct Endpoint {
    pub(super) op: Op,
    pub(super) method: &'static str,
    /// Below [`ROOT`]; `{name}` stands for one segment.
    pub(super) path: &'static str,
    pub(super) right: Right,
    pub(super) summary: &'static str,
    pub(super) query: &'static [Asked],
    /// The members of its body; `None`: it takes none.
    pub(super) body: Option<&'static [Member]>,
    pub(super) gives: Gives,
}

impl Endpoint {
    /// Largest body it reads.
    pub(super) fn largest_body(&self) -> usize {
        match self.op {
            Op::Node(NodeOp::Plan | NodeOp::Apply) => LARGEST_FILE,
            Op::Node(_) | Op::Platform(_) => LARGEST_BODY,
        }
    }
}

/// An endpoint and the values of its path's placeholders.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) endpoint: &'static Endpoint,
    pub(super) params: Vec<(&'static str, String)>,
}

impl Found {
    /// What it does.
    pub(super) fn op(&self) -> Op {
        self.endpoint.op
    }
}

/// The endpoint that a request means.
pub(super) fn find(method: &Method, path: &str) -> Result<Found, Problem> {
    let unknown = || {
        Problem::not_found("there is no such path; `GET /admin/v1/openapi.json` lists all of them")
            .cause(Cause::PathUnknown)
    };
    let below = path.strip_prefix(ROOT).ok_or_else(unknown)?;
    let segments = segments(below).ok_or_else(unknown)?;
    let mut allowed: Vec<&str> = Vec::new();
    for endpoint in ENDPOINTS {
        let Some(params) = matches(endpoint.path, &segments) else { continue };
        if endpoint.method == method.as_str() {
            return Ok(Found { endpoint, params });
        }
        allowed.push(endpoint.method);
    }
    if allowed.is_empty() { Err(unknown()) } else { Err(Problem::method(&allowed.join(", "))) }
}

fn matches(pattern: &'static str, segments: &[String]) -> Option<Vec<(&'static str, String)>> {
    let mut params = Vec::new();
    let mut wanted = pattern[1..].split('/');
    for segment in segments {
        let part = wanted.next()?;
        match part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
            Some(name) => params.push((name, segment.clone())),
            None if part == segment => {}
            None => return None,
        }
    }
    if wanted.next().is_none() { Some(params) } else { None }
}

/// The segments of a path, decoded. `None` if one is empty, too long, or not what a name may hold.
fn segments(below: &str) -> Option<Vec<String>> {
    below
        .strip_prefix('/')?
        .split('/')
        .map(|raw| {
            let text = decode(raw)?;
            let fine = !text.is_empty() && text.len() <= 256 && !text.chars().any(char::is_control);
            fine.then_some(text)
        })
        .collect()
}

fn decode(raw: &str) -> Option<String> {
    let mut out = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let (high, low) =
                (char::from(bytes.next()?).to_digit(16)?, char::from(bytes.next()?).to_digit(16)?);
            out.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}
