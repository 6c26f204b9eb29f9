//! What RFC 6749 allowed and OAuth 2.1 does not.

use super::*;
use crate::ClientSettings;
use crate::grant::Carrier;
use crate::platform::Legacy;
use crate::platform::samples::{FULL, PLAIN};
use crate::settings::Profile;

fn allowing(dialect: Dialect) -> Snapshot {
    let mut platform = snapshot_of(dialect).platform;
    platform.legacy = Legacy { implicit: true, ..Legacy::default() };
    Snapshot::compile(platform, 1).unwrap()
}

fn old(adjust: fn(&mut ClientSettings)) -> Client {
    let mut client = client();
    client.settings.grants = vec![GrantType::Implicit];
    adjust(&mut client.settings);
    client
}

fn token() -> AuthorizeRequest<'static> {
    AuthorizeRequest { response_type: Some("token"), ..request() }
}

fn judged(
    request: AuthorizeRequest<'_>,
    client: &Client,
    snapshot: &Snapshot,
) -> Result<Authorizable, Cause> {
    request.check(Some(client), snapshot, NOW).map_err(|fault| fault.refusal().cause)
}

#[test]
fn rfc6749_4_2_tokens_come_in_the_fragment_where_file_and_registration_say_so() {
    let wish = judged(token(), &old(|_| ()), &allowing(FULL)).unwrap();
    assert_eq!((wish.gives, wish.mode.carrier), (ResponseType::Token, Carrier::Fragment));
    let asked = AuthorizeRequest { response_mode: Some("fragment"), ..token() };
    assert!(judged(asked, &old(|_| ()), &allowing(FULL)).is_ok());
    for mode in ["query", "form_post", "jwt"] {
        let asked = AuthorizeRequest { response_mode: Some(mode), ..token() };
        assert_eq!(judged(asked, &old(|_| ()), &allowing(FULL)).unwrap_err(), Cause::ParameterInvalid);
    }
}

#[test]
fn r22_nobody_else_is_given_tokens() {
    let off = judged(token(), &old(|_| ()), &snapshot_of(FULL)).unwrap_err();
    assert_eq!(off, Cause::ResponseTypeUnsupported);
    for (name, client) in [
        ("registered for codes", client()),
        ("strict", old(|s| s.profile = Profile::Fapi2)),
        ("bound to a key", old(|s| s.dpop_bound = true)),
        ("bound to a certificate", old(|s| s.tls_client_certificate_bound_access_tokens = true)),
    ] {
        let refused = judged(token(), &client, &allowing(FULL)).unwrap_err();
        assert_eq!(refused, Cause::ClientGrantNotAllowed, "{name}");
    }
    let verifier = judged(token(), &old(|s| s.requires_pkce = true), &allowing(FULL)).unwrap_err();
    assert_eq!(verifier, Cause::ParameterMissing, "who always comes with a challenge");
    let without_ends = judged(token(), &old(|_| ()), &allowing(PLAIN)).unwrap_err();
    assert_eq!(without_ends, Cause::ClientGrantNotAllowed, "no token endpoint, so no lifetime");
}

#[test]
fn rfc6749_3_1_2_3_the_only_redirect_uri_may_be_left_out_where_the_dialect_says_so() {
    let unsaid = AuthorizeRequest { redirect_uri: None, ..request() };
    let one = Client { redirect_uris: vec!["https://rp.example.test/cb".into()], ..client() };
    let wish = judged(unsaid, &one, &snapshot_of(PLAIN)).unwrap();
    assert_eq!(&*wish.redirect_uri, "https://rp.example.test/cb");
    assert_eq!(judged(unsaid, &client(), &snapshot_of(PLAIN)).unwrap_err(), Cause::ParameterMissing, "two");
    let none = Client { redirect_uris: Vec::new(), ..client() };
    assert_eq!(judged(unsaid, &none, &snapshot_of(PLAIN)).unwrap_err(), Cause::ParameterMissing);
    assert_eq!(judged(unsaid, &one, &snapshot_of(FULL)).unwrap_err(), Cause::ParameterMissing);
}
