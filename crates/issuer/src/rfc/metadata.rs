//! What this server says about itself (RFC 8414 section 2, OpenID Connect Discovery section 3), true to what is built and
//! switched on.

use super::client;
use super::proof;
use bytes::Bytes;
use mandate_core::grant::{ACR, ResponseMode};
use mandate_core::must;
use mandate_core::platform::Platform;
use mandate_core::settings::{AuthMethod, ClientSettings, GrantType};
use mandate_wire::jose::Alg;
use serde_json::json;

/// What ID tokens and `/userinfo` may tell.
const CLAIMS: [&str; 13] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "acr",
    "sid",
    "name",
    "preferred_username",
    "email",
    "email_verified",
];

/// What this server gets to see of certificates, by its configuration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MutualTls {
    /// Clients can show certificates: to its own listener, or to a proxy that hands them on.
    pub certificates: bool,
    /// There are authorities that certificates are held against.
    pub authorities: bool,
}

impl MutualTls {
    /// Whether clients can authenticate this way here.
    fn allows(self, method: AuthMethod) -> bool {
        match method {
            AuthMethod::TlsClientAuth => self.certificates && self.authorities,
            AuthMethod::SelfSignedTlsClientAuth => self.certificates,
            AuthMethod::SecretBasic
            | AuthMethod::SecretPost
            | AuthMethod::PrivateKeyJwt
            | AuthMethod::None => true,
        }
    }
}

/// The metadata document of a platform whose ID tokens and answers are signed with these algorithms.
pub(super) fn document(platform: &Platform, id_token_algs: &[&str], mutual: MutualTls) -> Bytes {
    let issuer = &*platform.issuer;
    let at = |path: &str| format!("{issuer}{path}");
    let names = |algs: &[Alg]| algs.iter().map(|alg| alg.as_str()).collect::<Vec<_>>();
    let assertion = names(client::assertion_algs(&ClientSettings::default()));
    let offered = || AuthMethod::ALL.iter().filter(|m| !must!("rfc8705-2.1.1-metadata", !mutual.allows(**m)));
    let methods: Vec<&str> = offered().map(|m| m.as_str()).collect();
    let confidential: Vec<&str> = offered().filter(|m| **m != AuthMethod::None).map(|m| m.as_str()).collect();
    let grants: Vec<&str> =
        GrantType::ALL.iter().filter(|g| g.is_allowed_by(platform.legacy)).map(|g| g.as_str()).collect();
    let scopes: Vec<&str> = platform.scopes.iter().map(|s| s.scope.as_str()).collect();
    let mut document = json!({
        "issuer": must!("rfc8414-2-issuer").then_some(issuer),
        "authorization_endpoint": must!("rfc8414-2-authorization-endpoint").then(|| at("/authorize")),
        "token_endpoint": must!("rfc8414-2-token-endpoint").then(|| at("/token")),
        "pushed_authorization_request_endpoint": at("/par"),
        "device_authorization_endpoint": must!("rfc8628-4-metadata").then(|| at(super::device::PATH)),
        "introspection_endpoint": at("/introspect"),
        "revocation_endpoint": at("/revoke"),
        "userinfo_endpoint": must!("oidcd-3-userinfo-endpoint").then(|| at("/userinfo")),
        "jwks_uri": must!("oidcd-3-jwks-uri").then(|| at("/jwks")),
        "scopes_supported": must!("rfc8414-2-scopes").then_some(scopes),
        "response_types_supported": must!("rfc8414-2-response-types").then_some(["code"]),
        "response_modes_supported": must!("rfc8414-2-response-modes").then_some(ResponseMode::WORDS),
        "authorization_signing_alg_values_supported": id_token_algs,
        "end_session_endpoint": at("/end_session"),
        "grant_types_supported": must!("rfc8414-2-grant-types").then_some(grants),
        "subject_types_supported": must!("oidcd-3-subject-types").then_some(["public"]),
        "acr_values_supported": [ACR],
        "claims_supported": must!("oidcd-3-claims").then_some(CLAIMS),
        "id_token_signing_alg_values_supported": must!("oidcd-3-id-token-algs").then_some(id_token_algs),
        "token_endpoint_auth_methods_supported": must!("rfc8414-2-token-methods").then_some(&methods),
        "token_endpoint_auth_signing_alg_values_supported": must!("rfc8414-2-token-algs").then_some(&assertion),
        "introspection_endpoint_auth_methods_supported": must!("rfc8414-2-introspection-methods").then_some(confidential),
        "introspection_endpoint_auth_signing_alg_values_supported": must!("rfc8414-2-introspection-algs").then_some(&assertion),
        "introspection_signing_alg_values_supported": must!("rfc9701-7-algs").then_some(id_token_algs),
        "revocation_endpoint_auth_methods_supported": must!("rfc8414-2-revocation-methods").then_some(&methods),
        "revocation_endpoint_auth_signing_alg_values_supported": must!("rfc8414-2-revocation-algs").then_some(&assertion),
        "code_challenge_methods_supported": must!("rfc8414-2-challenge-methods").then_some(["S256"]),
        "dpop_signing_alg_values_supported": names(proof::ALGS),
        "tls_client_certificate_bound_access_tokens": must!("rfc8705-3.3-metadata", mutual.certificates),
        "authorization_response_iss_parameter_supported": must!("rfc9207-3-metadata"),
        "require_pushed_authorization_requests": false,
        "request_parameter_supported": true,
        "request_object_signing_alg_values_supported": assertion,
        "require_signed_request_object": false,
        "request_uri_parameter_supported": false,
        "claims_parameter_supported": true,
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "service_documentation": at("/causes"),
    });
    if must!("rfc8414-3.2-empty")
        && let Some(members) = document.as_object_mut()
    {
        // "Claims with zero elements MUST be omitted from the response." (RFC 8414 section 3.2)
        members.retain(|_, value| value.as_array().is_none_or(|values| !values.is_empty()));
    }
    Bytes::from(document.to_string())
}
