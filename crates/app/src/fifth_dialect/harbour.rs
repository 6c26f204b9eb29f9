//! The dialect: one origin for issuer and API, tokens in a header of its own, JSON in and out, strange statuses.

use super::signals::Signals;
use bytes::Bytes;
use http::{HeaderMap, Response};
use mandate_core::platform::{
    self, Call, CodeText, DialectData, Endpoint, Front, Pages, Surface, SurfaceData, Upstreams,
};
use mandate_core::refusal::{Decision, Refusal};
use mandate_core::settings::GrantType;
use mandate_core::{Cause, Class, Secret};
use mandate_wire::credential::{self, Presented};
use mandate_wire::dialect::{
    AccessText, CAUSE, ClientShown, DECISION, Dialect, Encoding, TokenAnswer, TokenRules, header, json_answer,
};
use mandate_wire::explain::{error_uri, facts_object};
use mandate_wire::stream::StreamDialect;
use serde_json::json;

/// The header that tokens travel in.
pub(super) const PASS: &str = "harbour-pass";

static QUAY_DATA: SurfaceData = SurfaceData {
    id: "quay",
    pages: Pages::Explanations,
    upstream: Upstreams::Always,
    endpoints: &[Endpoint { path: "/harbour/sign-on", call: Call::Token }],
};
const QUAY: Surface = Surface::of(&QUAY_DATA);
static DATA: DialectData = DialectData {
    id: "harbour",
    surfaces: &[QUAY],
    usual: QUAY,
    front: Front::Plain,
    codes: CodeText::Marked,
    keeps_keys: false,
    reads_account: false,
    lone_redirect: false,
};
pub(super) const HARBOUR: platform::Dialect = platform::Dialect::of(&DATA);

static SIGN_ON: TokenRules = TokenRules {
    bodies: &[Encoding::Json],
    client: ClientShown::InBody,
    grants: &[GrantType::ClientCredentials],
    access: AccessText::Hex,
    scope_with_code: false,
};

#[derive(Debug)]
pub(super) struct Harbour;

impl Dialect for Harbour {
    fn dialect(&self) -> platform::Dialect {
        HARBOUR
    }

    fn refusal(&self, _: Surface, decision: &Decision, issuer: &str) -> Response<Bytes> {
        let refusal = &decision.refusal;
        let entry = refusal.cause.entry();
        let status = match entry.class {
            Class::ScopeMissing => 418,
            _ => entry.status,
        };
        let point = refusal.facts.public().fill(entry.point);
        let mut body = json!({
            "trouble": {"nr": 9_000 + u32::from(status), "what": point},
            "cause": entry.id, "decision_id": decision.id.as_str(),
            "error_uri": error_uri(issuer, decision.id.as_str()),
        });
        if let Some(proof) = &refusal.proof {
            body["facts"] = facts_object(&refusal.facts.for_holder(proof)).into();
        }
        let mut response = json_answer(status, &body);
        response.headers_mut().insert(CAUSE, header(entry.id));
        response.headers_mut().insert(DECISION, header(decision.id.as_str()));
        response
    }

    fn credential(
        &self,
        _: Surface,
        headers: &HeaderMap,
        _: Option<&str>,
    ) -> Result<Presented, Box<Refusal>> {
        let mut passes = headers.get_all(PASS).iter();
        let several = headers.contains_key("authorization");
        match (passes.next().and_then(|pass| pass.to_str().ok()), passes.next()) {
            (Some(pass), None) if !several => Ok(Presented::Bearer(Secret::new(pass))),
            (None, None) if !several => Err(credential::missing("a pass in the header harbour-pass")),
            _ => Err(Box::new(Refusal::anonymous(Cause::CredentialAmbiguous))),
        }
    }

    fn streams(&self) -> &'static [&'static dyn StreamDialect] {
        &[&Signals]
    }

    fn token_rules(&self, _: &str) -> &'static TokenRules {
        &SIGN_ON
    }

    fn token_answer(&self, _: &str, answer: &TokenAnswer<'_>) -> Response<Bytes> {
        let scopes = answer.scope.as_deref().unwrap_or("");
        let good_for = answer.expires_in.map(|seconds| format!("PT{seconds}S"));
        let may: Vec<&str> = scopes.split(' ').collect();
        json_answer(201, &json!({"pass": answer.access_token, "good_for": good_for, "may": may}))
    }
}
