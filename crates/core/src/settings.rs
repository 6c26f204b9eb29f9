//! How a client is to be treated: what its registration says beyond names and scopes (RFC 7591 section 2 has most of the
//! words).

use crate::certificate;
use crate::must;
use crate::platform::Legacy;
use crate::refresh::RefreshMode;
use serde::{Deserialize, Serialize};

/// Settings of a client. Stored as one document, so that a new one needs no migration; one that is missing has its
/// default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in a registration")]
pub struct ClientSettings {
    /// It may not come without a challenge (RFC 7636). Set by hand, or by its first code that was redeemed with a verifier:
    /// what it can do once it can do always, and a request without a challenge is then somebody else's (SECURITY R22).
    pub requires_pkce: bool,
    /// It may come without PKCE where the platform demands it: what OpenID Connect's older certification clients need.
    pub may_omit_pkce: bool,
    /// The rules it is held to.
    pub profile: Profile,
    /// How it authenticates at the token endpoint. Only this way is taken.
    pub auth_method: AuthMethod,
    /// Grant types it may use; empty: authorization codes only.
    pub grants: Vec<GrantType>,
    /// How its refresh tokens change.
    pub refresh: RefreshMode,
    /// The shape of its access tokens.
    pub access_token: TokenFormat,
    /// Its public keys, a JWK set (RFC 7517 section 5) as text.
    pub jwks: Option<Box<str>>,
    /// Where it publishes them itself (RFC 7591 section 2), in place of `jwks`.
    pub jwks_uri: Option<Box<str>>,
    /// The signature of its access tokens (RFC 9068 section 2.1).
    pub access_token_alg: IdTokenAlg,
    /// The signature of its ID tokens.
    pub id_token_alg: IdTokenAlg,
    /// It must push its authorization requests (RFC 9126 section 6).
    pub requires_par: bool,
    /// Its authorization requests must be signed (RFC 9101 section 10.5).
    pub requires_signed_request: bool,
    /// Its access tokens are always bound to a DPoP key (RFC 9449 section 5.2).
    pub dpop_bound: bool,
    /// Its access tokens, and its refresh tokens if it is public, are bound to the certificate that it connects with
    /// (RFC 8705 section 3.4).
    pub tls_client_certificate_bound_access_tokens: bool,
    /// The certificate's subject, as text of RFC 4514. Of this and the next four `tls_client_auth` has exactly one
    /// (RFC 8705 section 2.1.2).
    pub tls_client_auth_subject_dn: Option<Box<str>>,
    /// A DNS name among the certificate's subject alternative names.
    pub tls_client_auth_san_dns: Option<Box<str>>,
    /// A URI there.
    pub tls_client_auth_san_uri: Option<Box<str>>,
    /// An IP address there.
    pub tls_client_auth_san_ip: Option<Box<str>>,
    /// A mail address there.
    pub tls_client_auth_san_email: Option<Box<str>>,
    /// Certificates that it authenticates with by `self_signed_tls_client_auth`, beside those in `jwks`: SHA-256,
    /// base64url.
    pub tls_client_certificate_thumbprints: Vec<Box<str>>,
    /// Further audiences that its assertions may name, exact strings; never on a strict profile (SECURITY R22).
    pub extra_audiences: Vec<Box<str>>,
    /// Its assertions may come without `jti`; never on a strict profile.
    pub may_omit_jti: bool,
    /// It is a resource server and may ask about tokens (RFC 7662 section 2.1).
    pub may_introspect: bool,
    /// The APIs that it is, by their addresses: it is told nothing about tokens for others (SECURITY R18). None: all of the
    /// platform.
    pub introspects: Vec<Box<str>>,
    /// The signature of its authorization responses, where it asks for signed ones (JARM section 3).
    pub authorization_signed_response_alg: IdTokenAlg,
    /// Where it may have browsers sent after signing out, exact (OpenID Connect RP-Initiated Logout section 3.1).
    pub post_logout_redirect_uris: Vec<Box<str>>,
    /// The signature of what it is told about tokens, where it asks for one (RFC 9701 section 6).
    pub introspection_alg: IdTokenAlg,
}

/// A set of rules beyond the default, OAuth 2.1 (DESIGN D15).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// OAuth 2.1.
    #[default]
    Default,
    /// FAPI 2.0 Security Profile.
    Fapi2,
}

impl Profile {
    /// Whether nothing may be loosened by settings.
    pub fn is_strict(self) -> bool {
        self == Self::Fapi2
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$variant_doc])* #[serde(rename = $word)] $variant),+ }
        impl $name {
            /// Every one, in the order of documents.
            pub const ALL: &[Self] = &[$(Self::$variant),+];
            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
            /// What a word means.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

words! {
    /// How a client authenticates (RFC 7591 section 2, RFC 8705 section 2).
    AuthMethod {
        /// HTTP Basic with its secret (RFC 6749 section 2.3.1).
        #[default]
        SecretBasic "client_secret_basic",
        /// The secret in the body.
        SecretPost "client_secret_post",
        /// A signed assertion (RFC 7523 section 2.2).
        PrivateKeyJwt "private_key_jwt",
        /// A certificate that a configured authority vouches for (RFC 8705 section 2.1).
        TlsClientAuth "tls_client_auth",
        /// A certificate that was registered itself (RFC 8705 section 2.2).
        SelfSignedTlsClientAuth "self_signed_tls_client_auth",
        /// Not at all: a public client.
        None "none",
    }
}

words! {
    /// What a client asks the token endpoint for (RFC 6749 sections 4 and 6, RFC 8628).
    GrantType {
        /// An authorization code.
        #[default]
        AuthorizationCode "authorization_code",
        /// A refresh token.
        RefreshToken "refresh_token",
        /// Itself.
        ClientCredentials "client_credentials",
        /// A device code.
        DeviceCode "urn:ietf:params:oauth:grant-type:device_code",
        /// A machine's name and password (RFC 6749 section 4.3), where the platform file allows it.
        Password "password",
        /// A token from the authorization endpoint (RFC 6749 section 4.2), where the platform file allows it.
        Implicit "implicit",
    }
}

impl GrantType {
    /// Whether the platform file allows it: what OAuth 2.1 no longer has is off unless the file says otherwise (DESIGN D15).
    pub fn is_allowed_by(self, legacy: Legacy) -> bool {
        match self {
            Self::Password => !must!("rfc9700-2.4-off", !legacy.password_grant),
            Self::Implicit => legacy.implicit,
            Self::AuthorizationCode | Self::RefreshToken | Self::ClientCredentials | Self::DeviceCode => true,
        }
    }
}

words! {
    /// The shape of access tokens (DESIGN D6).
    TokenFormat {
        /// A signed JWT (RFC 9068).
        #[default]
        Jwt "jwt",
        /// A random text, known to the store.
        Opaque "opaque",
    }
}

words! {
    /// The signature of ID tokens (OpenID Connect Core section 2), access tokens and other answers to a client.
    IdTokenAlg {
        /// ECDSA on P-256.
        #[default]
        Es256 "ES256",
        /// Ed25519.
        EdDsa "EdDSA",
        /// RSA-PSS.
        Ps256 "PS256",
        /// RSA, for clients that know nothing else.
        Rs256 "RS256",
    }
}

/// Whether a browser could be sent there: printable, with a scheme that opens a page or an app, without a fragment.
fn is_address(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let of_scheme = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
    let starts = scheme.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    let opens = match scheme.to_ascii_lowercase().as_str() {
        "https" | "http" => rest.starts_with("//") && rest.len() > 2,
        "javascript" | "data" | "vbscript" | "file" | "blob" | "about" => false,
        // an app's own scheme is a name that somebody owns (RFC 8252 section 7.1)
        own => own.contains('.'),
    };
    starts
        && opens
        && scheme.bytes().all(of_scheme)
        && rest.bytes().all(|b| matches!(b, 0x21..=0x7e) && b != b'#' && b != b'\\')
}

impl ClientSettings {
    /// Whether it is one of the APIs that a token is for; no audience: all of the platform (RFC 7662 section 2.2, SECURITY
    /// R18).
    pub fn is_told_about(&self, audience: &[Box<str>]) -> bool {
        let own = &self.introspects;
        let meant = own.is_empty() || audience.is_empty() || audience.iter().any(|api| own.contains(api));
        !must!("rfc7662-2.2-audience", !meant)
    }
    /// Whether it can keep a secret or a key: then the token endpoint knows it.
    pub fn is_confidential(&self) -> bool {
        self.auth_method != AuthMethod::None
    }
    /// Whether it has registered keys, or where they are.
    pub fn has_keys(&self) -> bool {
        self.jwks.is_some() || self.jwks_uri.is_some()
    }
    /// What contradicts itself, or its profile (DESIGN D15).
    pub fn defect(&self) -> Option<&'static str> {
        let strict = self.profile.is_strict();
        let public = !self.is_confidential();
        let bound = self.dpop_bound || self.tls_client_certificate_bound_access_tokens;
        let checks = [
            (
                self.auth_method == AuthMethod::PrivateKeyJwt && !self.has_keys(),
                "private_key_jwt needs the client's public keys, in `jwks` or at a `jwks_uri`",
            ),
            (
                must!("rfc7591-2-jwks", self.jwks.is_some() && self.jwks_uri.is_some()),
                "the client's keys are in `jwks` or at a `jwks_uri`, not both",
            ),
            (
                self.requires_signed_request && !self.has_keys(),
                "signed requests need the client's public keys, in `jwks` or at a `jwks_uri`",
            ),
            (
                must!(
                    "fapi2-5.3.2.1-method",
                    strict && self.auth_method != AuthMethod::PrivateKeyJwt && !self.uses_certificate()
                ),
                "the profile fapi2 takes clients that authenticate by private_key_jwt or by certificate",
            ),
            (
                must!("fapi2-5.3.2.1-bound", strict && !bound),
                "the profile fapi2 wants `dpop_bound` or `tls_client_certificate_bound_access_tokens`: its tokens are bound to keys",
            ),
            (
                must!("fapi2-5.3.2.2-pkce", strict && self.may_omit_pkce),
                "the profile fapi2 knows no exception from PKCE",
            ),
            (
                strict
                    && (self.may_omit_jti
                        || must!("fapi2-5.3.2.1-extra-audiences", !self.extra_audiences.is_empty())),
                "the profile fapi2 knows no exceptions for assertions",
            ),
            (
                must!(
                    "fapi2-5.4.1-id-token",
                    strict
                        && [self.access_token_alg, self.id_token_alg, self.introspection_alg]
                            .contains(&IdTokenAlg::Rs256)
                ),
                "the profile fapi2 does not take RS256: use PS256, ES256 or EdDSA",
            ),
            (
                strict && self.authorization_signed_response_alg == IdTokenAlg::Rs256,
                "the profile fapi2 does not take RS256 for authorization responses: use PS256, ES256 or EdDSA",
            ),
            (
                !self.post_logout_redirect_uris.iter().all(|uri| is_address(uri)),
                "an address in `post_logout_redirect_uris` is none: a scheme, then the rest, without a fragment",
            ),
            (
                public && self.refresh == RefreshMode::Static && !bound,
                "refresh tokens of a public client that are bound to no key must change: `static` is not for it",
            ),
            (
                must!("rfc9700-2.1.1-public", public && self.may_omit_pkce),
                "a public client always needs PKCE",
            ),
            (
                public && self.grants.contains(&GrantType::ClientCredentials),
                "a public client has no credentials of its own: `client_credentials` is not for it",
            ),
            (
                strict && self.grants.contains(&GrantType::Password),
                "the profile fapi2 knows no passwords: `password` is not for it",
            ),
            (
                strict && self.grants.contains(&GrantType::Implicit),
                "the profile fapi2 knows no tokens from the authorization endpoint: `implicit` is not for it",
            ),
            (
                bound && self.grants.contains(&GrantType::Implicit),
                "a token from the authorization endpoint is bound to no key: `implicit` is not for this client",
            ),
            (
                self.grants.contains(&GrantType::Password) && !self.grants.contains(&GrantType::RefreshToken),
                "a client that signs machines on refreshes their tokens: `password` needs `refresh_token` beside it",
            ),
            (
                must!("rfc7662-2.1-public", public && self.may_introspect),
                "a public client cannot be trusted with introspection",
            ),
        ];
        checks
            .into_iter()
            .find(|(wrong, _)| *wrong)
            .map(|(_, what)| what)
            .or_else(|| self.certificate_defect())
    }
    /// RFC 8705 sections 2.1.2 and 2.2.2.
    fn certificate_defect(&self) -> Option<&'static str> {
        let names = certificate::expected(self);
        let by_authority = self.auth_method == AuthMethod::TlsClientAuth;
        let thumbprints = &self.tls_client_certificate_thumbprints;
        let is_thumbprint =
            |t: &str| t.len() == 43 && t.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        let checks = [
            (
                must!("rfc8705-2.1.2-registration", by_authority && names.len() != 1),
                "tls_client_auth needs exactly one of tls_client_auth_subject_dn, tls_client_auth_san_dns, tls_client_auth_san_uri, tls_client_auth_san_ip and tls_client_auth_san_email",
            ),
            (
                !by_authority && !names.is_empty(),
                "the tls_client_auth names are for the method tls_client_auth",
            ),
            (
                must!(
                    "rfc8705-2.2.2-registration",
                    self.auth_method == AuthMethod::SelfSignedTlsClientAuth
                        && self.jwks.is_none()
                        && thumbprints.is_empty()
                ),
                "self_signed_tls_client_auth needs the client's certificates, as `x5c` in `jwks` or in `tls_client_certificate_thumbprints`",
            ),
            (
                self.auth_method != AuthMethod::SelfSignedTlsClientAuth && !thumbprints.is_empty(),
                "`tls_client_certificate_thumbprints` is for the method self_signed_tls_client_auth",
            ),
            (
                !thumbprints.iter().all(|t| is_thumbprint(t)),
                "`tls_client_certificate_thumbprints` holds SHA-256 as base64url: 43 characters each",
            ),
            (
                self.dpop_bound && self.tls_client_certificate_bound_access_tokens,
                "tokens are bound to a DPoP key or to a certificate: one of the two",
            ),
        ];
        let wrong = checks.into_iter().find(|(wrong, _)| *wrong).map(|(_, what)| what);
        wrong.or_else(|| names.into_iter().find_map(certificate::Expected::defect))
    }
    /// Whether it authenticates by the certificate that it connects with.
    pub fn uses_certificate(&self) -> bool {
        matches!(self.auth_method, AuthMethod::TlsClientAuth | AuthMethod::SelfSignedTlsClientAuth)
    }
    /// Whether it authenticates by a secret that both sides know.
    pub fn uses_secret(&self) -> bool {
        matches!(self.auth_method, AuthMethod::SecretBasic | AuthMethod::SecretPost)
    }
    /// Whether it may use this grant type.
    pub fn may_use(&self, grant: GrantType) -> bool {
        if self.grants.is_empty() {
            grant == GrantType::AuthorizationCode
        } else if matches!(grant, GrantType::Password | GrantType::Implicit) && self.profile.is_strict() {
            // whatever was stored, by whatever way (DESIGN D15)
            false
        } else {
            self.grants.contains(&grant)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lead_back() {
        for method in AuthMethod::ALL {
            assert_eq!(AuthMethod::from_word(method.as_str()), Some(*method));
        }
        for grant in GrantType::ALL {
            assert_eq!(GrantType::from_word(grant.as_str()), Some(*grant));
        }
        assert_eq!(GrantType::from_word("assertion"), None);
    }

    #[test]
    fn r22_strict_profiles_know_no_exceptions() {
        let fapi = ClientSettings {
            profile: Profile::Fapi2,
            auth_method: AuthMethod::PrivateKeyJwt,
            jwks: Some("{}".into()),
            dpop_bound: true,
            ..ClientSettings::default()
        };
        assert_eq!(fapi.defect(), None);
        for (name, wrong) in [
            ("secret", ClientSettings { auth_method: AuthMethod::SecretBasic, ..fapi.clone() }),
            ("unbound", ClientSettings { dpop_bound: false, ..fapi.clone() }),
            ("no pkce", ClientSettings { may_omit_pkce: true, ..fapi.clone() }),
            ("no jti", ClientSettings { may_omit_jti: true, ..fapi.clone() }),
            ("audiences", ClientSettings { extra_audiences: vec!["x".into()], ..fapi.clone() }),
            ("RS256 for access", ClientSettings { access_token_alg: IdTokenAlg::Rs256, ..fapi.clone() }),
            ("RS256", ClientSettings { id_token_alg: IdTokenAlg::Rs256, ..fapi.clone() }),
            (
                "RS256 for answers",
                ClientSettings { authorization_signed_response_alg: IdTokenAlg::Rs256, ..fapi.clone() },
            ),
            ("no keys", ClientSettings { jwks: None, ..fapi.clone() }),
            (
                "passwords",
                ClientSettings { grants: vec![GrantType::Password, GrantType::RefreshToken], ..fapi.clone() },
            ),
            ("keys twice", ClientSettings { jwks_uri: Some("https://a.example".into()), ..fapi.clone() }),
        ] {
            assert!(wrong.defect().is_some(), "{name}");
        }
        let by_certificate = ClientSettings {
            auth_method: AuthMethod::TlsClientAuth,
            jwks: None,
            tls_client_auth_san_dns: Some("app.example".into()),
            dpop_bound: false,
            tls_client_certificate_bound_access_tokens: true,
            ..fapi.clone()
        };
        assert_eq!(by_certificate.defect(), None);
        let public = ClientSettings { auth_method: AuthMethod::None, ..ClientSettings::default() };
        assert_eq!(public.defect(), None);
        let fixed = ClientSettings { refresh: RefreshMode::Static, ..public.clone() };
        let own = ClientSettings { grants: vec![GrantType::ClientCredentials], ..public.clone() };
        assert!(fixed.defect().is_some() && own.defect().is_some());
        let no_pkce = ClientSettings { may_omit_pkce: true, ..public.clone() };
        let asking = ClientSettings { may_introspect: true, ..public };
        assert!(no_pkce.defect().is_some() && asking.defect().is_some());
        let signs = ClientSettings { requires_signed_request: true, ..ClientSettings::default() };
        assert!(signs.defect().is_some(), "signed requests without keys");
        let published = ClientSettings { jwks: None, jwks_uri: Some("https://a.example".into()), ..fapi };
        assert_eq!(published.defect(), None);
    }

    #[test]
    fn after_signing_out_only_addresses_are_gone_to() {
        for (uri, right) in [
            ("https://rp.example.test/bye?a=b", true),
            ("http://127.0.0.1:8080/", true),
            ("com.example.app:/bye", true),
            ("myapp:/bye", false),
            ("https://rp.example.test/#x", false),
            ("https:", false),
            ("//rp.example.test/", false),
            ("javascript:alert(1)", false),
            ("Data:text/html,x", false),
            ("https://rp.example.test/\r\nX: y", false),
            ("", false),
        ] {
            let settings =
                ClientSettings { post_logout_redirect_uris: vec![uri.into()], ..ClientSettings::default() };
            assert_eq!(settings.defect().is_none(), right, "{uri}");
        }
    }

    #[test]
    fn rfc8705_2_registrations_that_say_too_little_or_too_much() {
        let by = |method| ClientSettings { auth_method: method, ..ClientSettings::default() };
        let authority = ClientSettings {
            tls_client_auth_san_dns: Some("app.example".into()),
            ..by(AuthMethod::TlsClientAuth)
        };
        let thumbprint: Box<str> = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0".into();
        let own = ClientSettings {
            tls_client_certificate_thumbprints: vec![thumbprint.clone()],
            ..by(AuthMethod::SelfSignedTlsClientAuth)
        };
        let own_by_keys =
            ClientSettings { jwks: Some("{}".into()), ..by(AuthMethod::SelfSignedTlsClientAuth) };
        for right in [&authority, &own, &own_by_keys] {
            assert_eq!(right.defect(), None);
        }
        for (name, wrong) in [
            ("no name", by(AuthMethod::TlsClientAuth)),
            (
                "two names",
                ClientSettings { tls_client_auth_san_ip: Some("192.0.2.1".into()), ..authority.clone() },
            ),
            (
                "a damaged name",
                ClientSettings { tls_client_auth_san_dns: Some("a b".into()), ..authority.clone() },
            ),
            (
                "a name for another method",
                ClientSettings { auth_method: AuthMethod::SecretBasic, ..authority.clone() },
            ),
            ("no certificate", by(AuthMethod::SelfSignedTlsClientAuth)),
            (
                "a hex thumbprint",
                ClientSettings {
                    tls_client_certificate_thumbprints: vec!["ab".repeat(32).into()],
                    ..own.clone()
                },
            ),
            (
                "thumbprints for another method",
                ClientSettings { tls_client_certificate_thumbprints: vec![thumbprint], ..authority.clone() },
            ),
            (
                "two bindings",
                ClientSettings {
                    dpop_bound: true,
                    tls_client_certificate_bound_access_tokens: true,
                    ..by(AuthMethod::None)
                },
            ),
        ] {
            assert!(wrong.defect().is_some(), "{name}");
        }
    }

    #[test]
    fn r22_no_strict_client_signs_machines_on() {
        let grants = vec![GrantType::Password, GrantType::RefreshToken];
        let default = ClientSettings { grants, ..ClientSettings::default() };
        assert!(default.may_use(GrantType::Password) && default.defect().is_none());
        let strict = ClientSettings { profile: Profile::Fapi2, ..default.clone() };
        assert!(!strict.may_use(GrantType::Password), "however it came into the store");
        assert!(!ClientSettings::default().may_use(GrantType::Password), "only clients that name it");
        let alone = ClientSettings { grants: vec![GrantType::Password], ..default };
        assert!(alone.defect().is_some(), "its machines could not refresh");
    }

    #[test]
    fn a_client_without_grants_redeems_codes() {
        let settings = ClientSettings::default();
        assert!(settings.may_use(GrantType::AuthorizationCode) && !settings.may_use(GrantType::RefreshToken));
    }
}
