//! The members of bodies and the parameters of queries.

use super::{Asked, Kind, Member};

const fn needs(name: &'static str, kind: Kind, about: &'static str) -> Member {
    Member { name, kind, required: true, about }
}

const fn takes(name: &'static str, kind: Kind, about: &'static str) -> Member {
    Member { name, kind, required: false, about }
}

const fn asks(name: &'static str, kind: Kind, about: &'static str) -> Asked {
    Asked { name, kind, about }
}

use Kind::{Document, Flag, Number, Object, Secret, Text, Texts};

pub(super) const NOTHING: &[Member] = &[];

pub(super) const PLAN: &[Member] = &[needs("document", Document, "the text of the platform file (TOML)")];

pub(super) const APPLY: &[Member] = &[
    needs("document", Document, "the text of the platform file (TOML)"),
    takes("expected_revision", Number, "the revision that the plan was made against; 0 for a new platform"),
];

pub(super) const USER: &[Member] = &[
    needs("name", Text, "the name typed at sign-in"),
    takes("email", Text, "an e-mail address, told to apps with the scope email"),
    takes(
        "kind",
        Text,
        "person (who signs in on pages; the default) or machine (which signs on by the password grant)",
    ),
    takes(
        "sessions",
        Number,
        "how many sign-ons a machine may have at once, over all clients; 1 if left out",
    ),
    takes("password", Secret, "at least 8 characters; one is made and shown once if it is left out"),
];

pub(super) const USER_CHANGE: &[Member] =
    &[takes("sessions", Number, "how many sign-ons the machine may have at once; those that are live go on")];

pub(super) const PASSWORD: &[Member] =
    &[takes("password", Secret, "at least 8 characters; one is made and shown once if it is left out")];

pub(super) const ACCOUNT: &[Member] = &[
    needs("environment", Text, "where it lives: an environment of the platform file"),
    takes("user", Text, "whose it is, by name or id"),
    takes("partner", Text, "the partner whose customer holds it"),
    takes("plan", Text, "a plan of the platform file; its default plan if left out"),
    takes("licences", Texts, "licences that the account itself holds"),
];

pub(super) const KEY: &[Member] = &[
    takes("account", Text, "the account it speaks for"),
    takes("partner", Text, "the partner it speaks for; this or `account`"),
    takes("label", Text, "what its owner calls it"),
    takes("environment", Text, "a check only: a key works in the environment of its account"),
];

pub(super) const PARTNER_KEY: &[Member] = &[takes("label", Text, "what the partner calls it")];

pub(super) const REPLACE: &[Member] = &[takes(
    "overlap_s",
    Number,
    "seconds for which the old key still works beside the new one; 86400 if left out",
)];

pub(super) const RESET: &[Member] = &[takes("label", Text, "what the owner calls the new key")];

/// What a client's settings are.
const SETTINGS: &str = "how it is to be treated: profile, auth_method, grants, refresh, access_token, jwks (a JWK set as text) or jwks_uri, access_token_alg, id_token_alg, requires_pkce, may_omit_pkce, requires_par, requires_signed_request, dpop_bound, tls_client_certificate_bound_access_tokens, tls_client_auth_subject_dn, tls_client_auth_san_dns, tls_client_auth_san_uri, tls_client_auth_san_ip, tls_client_auth_san_email, tls_client_certificate_thumbprints, extra_audiences, may_omit_jti, may_introspect, introspects, introspection_alg; what is left out has its default";

pub(super) const CLIENT: &[Member] = &[
    needs("name", Text, "what people read on the consent page"),
    takes(
        "redirect_uris",
        Texts,
        "exact redirect URIs: https, or http on the loopback interface; needed for authorization codes",
    ),
    takes("settings", Object, SETTINGS),
    needs("scopes", Texts, "scopes it may ask for"),
    takes("description", Text, "one sentence for the consent page"),
    takes("url", Text, "its home page"),
    takes("terms_of_use", Text, "address of its terms of use"),
    takes("privacy_policy", Text, "address of its privacy policy"),
    takes("owner", Text, "the user who registered it, by name or id; the operator if left out"),
    takes("owner_partner", Text, "the partner who registered it"),
    takes("licences", Texts, "licences it holds"),
    takes("visible_to", Texts, "partners that may use it in their own calls"),
    takes(
        "live_trading_approved",
        Flag,
        "whether it may act on live accounts of people other than its owner",
    ),
];

pub(super) const CLIENT_CHANGE: &[Member] = &[
    takes("name", Text, "what people read on the consent page"),
    takes("description", Text, "one sentence for the consent page"),
    takes("redirect_uris", Texts, "replaces the list"),
    takes("settings", Object, "replaces all of them"),
    takes("scopes", Texts, "replaces the set; tokens that were issued keep theirs"),
    takes("licences", Texts, "replaces the list"),
    takes("visible_to", Texts, "replaces the list"),
];

pub(super) const SECRET: &[Member] = &[
    takes("partner", Text, "the partner whose calls it is good for; the client's own if left out"),
    takes(
        "end_older_in_s",
        Number,
        "if two secrets live already: seconds until the older one ends; 0 ends it now",
    ),
];

pub(super) const ADMIN: &[Member] = &[
    needs("name", Text, "its name in the audit record"),
    needs("rights", Text, "`read` or `write`"),
    takes("platform", Text, "the one platform it may touch; all if left out"),
    takes("expires_in_s", Number, "seconds after which the token ends; never if left out"),
];

pub(super) const ROTATE: &[Member] = &[
    takes("alg", Text, "ES256, EdDSA, PS256, RS256, or HS256 for refresh tokens; all of them if left out"),
    takes(
        "in_s",
        Number,
        "seconds until the successor signs; the configured time of publication if left out",
    ),
];

pub(super) const RETIRE: &[Member] = &[takes(
    "compromised",
    Flag,
    "end what it signed as well: access tokens are refused, refresh tokens end with their chains",
)];

pub(super) const BY_USER: &[Asked] = &[asks("user", Text, "only this user's, by name or id")];

pub(super) const BY_HOLDER: &[Asked] = &[
    asks("account", Text, "keys of this account"),
    asks("partner", Text, "keys of this partner; this or `account`"),
];

pub(super) const BY_NUMBER: &[Asked] = &[
    asks("after", Number, "only records with a greater number"),
    asks("limit", Number, "how many at most: 1 to 1000; 100 if left out"),
];
