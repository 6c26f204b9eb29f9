//! The shapes of answers, for the `OpenAPI` document. A test holds them against what the views really make.

/// A shape by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    PlatformBrief,
    Platform,
    Counts,
    Plan,
    Applied,
    User,
    SignOn,
    Account,
    Reset,
    Key,
    Client,
    Partner,
    Grant,
    Explanation,
    Audit,
    Admin,
    Ended,
    SigningKey,
}

/// The type of a member, in JSON Schema's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    /// RFC 3339 in UTC.
    Time,
    Number,
    Flag,
    Texts,
    Object,
    Objects,
}

/// A member: name, type, whether it is always there, what it means.
pub(super) type Property = (&'static str, Type, Presence, &'static str);

/// Whether a member is always there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// Always, and never null.
    Always,
    /// Null when there is nothing to say.
    OrNull,
    /// Left out when it does not apply.
    Sometimes,
}

use Presence::{Always, OrNull, Sometimes};
use Type::{Flag, Number, Object, Objects, Text, Texts, Time};

impl Shape {
    /// Every shape.
    pub(super) const ALL: [Self; 18] = [
        Self::PlatformBrief,
        Self::Platform,
        Self::Counts,
        Self::Plan,
        Self::Applied,
        Self::User,
        Self::SignOn,
        Self::Account,
        Self::Reset,
        Self::Key,
        Self::Client,
        Self::Partner,
        Self::Grant,
        Self::Explanation,
        Self::Audit,
        Self::Admin,
        Self::Ended,
        Self::SigningKey,
    ];

    /// Its name in the document.
    pub(super) fn name(self) -> String {
        format!("{self:?}")
    }

    /// Its members.
    pub(super) const fn properties(self) -> &'static [Property] {
        match self {
            Self::PlatformBrief => &[
                ("id", Text, Always, "its id"),
                ("name", Text, Always, "what people call it"),
                ("issuer", Text, Always, "the issuer string"),
                ("revision", Number, Always, "grows by one with each apply"),
                ("environments", Texts, Always, "its environments"),
            ],
            Self::Platform => &[
                ("id", Text, Always, "its id"),
                ("name", Text, Always, "what people call it"),
                ("issuer", Text, Always, "the issuer string"),
                ("contact", Text, Always, "whom to ask"),
                ("revision", Number, Always, "grows by one with each apply"),
                ("default_plan", Text, Always, "the plan of accounts that name none"),
                ("environments", Objects, Always, "environments in the order of the file"),
                ("hosts", Objects, Always, "addresses it listens on"),
                ("scopes", Objects, Always, "scopes that exist"),
                ("products", Objects, Always, "products that exist"),
                ("licences", Objects, Always, "licences that exist"),
                ("plans", Objects, Always, "plans that exist"),
                ("partners", Objects, Always, "partners by name"),
                ("routes", Number, Always, "how many routes are protected"),
                ("trouble", Texts, Always, "what keeps this node from serving it as its file says"),
            ],
            Self::Counts => &[
                ("codes", Number, Always, "authorization codes"),
                ("tokens", Number, Always, "access tokens"),
                ("grants", Number, Always, "grants"),
            ],
            Self::Plan => &[
                ("platform", Text, Always, "the platform's id"),
                ("revision", Number, Always, "the revision in force; 0: the platform is new"),
                ("changed", Flag, Always, "false if this very file is in force already"),
                ("summary", Text, Always, "one sentence"),
                ("changes", Objects, Always, "{kind, section, name, fields: [{field, before, after}]}"),
                ("notes", Texts, Always, "what the changes mean for accounts, keys and clients that exist"),
            ],
            Self::Applied => &[
                ("platform", Text, Always, "the platform's id"),
                ("revision", Number, Always, "the revision in force now"),
                ("changed", Flag, Always, "false if this very file was in force already"),
                ("summary", Text, Always, "one sentence"),
                ("changes", Objects, Always, "as in the plan"),
                ("notes", Texts, Always, "as in the plan"),
                ("live", Flag, Always, "whether this node serves it already"),
                ("hosts", Objects, Always, "{name, url}"),
                ("trouble", Texts, Always, "what keeps this node from serving it as its file says"),
            ],
            Self::User => &[
                ("id", Text, Always, "its id"),
                ("kind", Text, Always, "person, or machine: a program that signs on by the password grant"),
                ("sessions", Number, OrNull, "how many sign-ons a machine may have at once"),
                ("name", Text, Always, "the name typed at sign-in"),
                ("email", Text, OrNull, "the e-mail address that apps are told"),
                ("status", Text, Always, "ACTIVE or DISABLED"),
                ("created_at", Time, Always, "when it was made"),
                ("password", Text, Sometimes, "once, if one was made for the user"),
            ],
            Self::SignOn => &[
                ("id", Text, Always, "its handle, as in explanations and the audit record"),
                ("client", Text, Always, "by which client"),
                ("since", Time, Always, "since when"),
                ("network", Text, Always, "from which network it was last answered"),
            ],
            Self::Account => &[
                ("id", Text, Always, "its id"),
                ("environment", Text, Always, "where it lives"),
                ("user", Text, OrNull, "the id of its owner"),
                ("partner", Text, OrNull, "the partner whose customer holds it"),
                ("status", Text, Always, "ACTIVE or DISABLED"),
                ("status_since", Time, Always, "since when"),
                ("plan", Text, OrNull, "its plan; null: the platform's default"),
                ("licences", Texts, Always, "licences that it holds"),
                ("created_at", Time, Always, "when it was made"),
                ("resets", Number, Always, "how often it was reset"),
            ],
            Self::Reset => &[
                ("account", Object, Always, "the account"),
                ("key", Object, Always, "its new key with the secret"),
                ("ended_keys", Texts, Always, "the keys that ended"),
            ],
            Self::Key => &[
                ("id", Text, Always, "the public half"),
                ("account", Text, OrNull, "the account it speaks for"),
                ("partner", Text, OrNull, "the partner it speaks for"),
                ("environment", Text, OrNull, "where it works; null: wherever the partner may act"),
                ("label", Text, Always, "what its owner calls it"),
                ("status", Text, Always, "LIVE, ENDING (it works until its end comes) or ENDED"),
                ("created_at", Time, Always, "when it was made"),
                ("last_used", Time, OrNull, "when a request with it was last allowed, roughly"),
                ("ended", Object, OrNull, "{at, reason, successor}"),
                ("secret", Text, Sometimes, "once, when the key is made"),
                ("replaces", Text, Sometimes, "the key whose successor it is, when it is made"),
                ("replaced_works_until", Time, Sometimes, "until when the old key works beside it"),
            ],
            Self::Client => &[
                ("client_id", Text, Always, "its public id"),
                ("name", Text, Always, "what people read on the consent page"),
                ("description", Text, Always, "one sentence for the consent page"),
                ("url", Text, Always, "its home page"),
                ("terms_of_use", Text, Always, "address of its terms of use"),
                ("privacy_policy", Text, Always, "address of its privacy policy"),
                ("owner", Text, Always, "operator, user:ID or partner:NAME"),
                ("status", Text, Always, "ACTIVE or DISABLED"),
                ("status_since", Time, Always, "since when"),
                (
                    "live_trading_approved",
                    Flag,
                    Always,
                    "whether it may act on live accounts of other people",
                ),
                ("redirect_uris", Texts, Always, "exact redirect URIs"),
                ("scopes", Texts, Always, "scopes it may ask for"),
                ("licences", Texts, Always, "licences it holds"),
                ("visible_to", Texts, Always, "partners that may use it"),
                (
                    "secrets",
                    Objects,
                    Always,
                    "{partner, created_at, ended_at, live}; never the secrets themselves",
                ),
                ("created_at", Time, Always, "when it was made"),
                ("active_from", Time, OrNull, "not usable before"),
                ("expires_at", Time, OrNull, "not usable from then on"),
                ("settings", Object, Always, "how it is to be treated"),
                ("client_secret", Text, Sometimes, "once, when a secret is made"),
            ],
            Self::Partner => &[
                ("id", Text, Always, "its id in the file"),
                ("name", Text, Always, "what people call it"),
                ("scopes", Texts, Always, "scopes it may grant"),
                ("environments", Texts, Always, "environments it may act in"),
                ("plan", Text, Always, "the plan of its key"),
            ],
            Self::Grant => &[
                ("id", Text, Always, "its id"),
                ("client_id", Text, Always, "the app"),
                ("client_name", Text, Sometimes, "what people call the app, where it was looked up"),
                ("user", Text, OrNull, "who gave it"),
                ("accounts", Texts, Always, "on which accounts"),
                ("scopes", Texts, Always, "what for"),
                ("granted_by", Text, Always, "owner, client or partner:NAME"),
                ("status", Text, Always, "ACTIVE or ENDED"),
                ("created_at", Time, Always, "when it was first given"),
                ("updated_at", Time, Always, "when it was last given again or widened"),
                ("last_used", Time, OrNull, "when a request under it was last allowed, roughly"),
                ("ended", Object, OrNull, "{at, reason, successor}"),
            ],
            Self::Explanation => &[
                ("decision_id", Text, Always, "the id that was looked up"),
                ("cause", Text, Always, "the entry of the catalogue that the caller was told"),
                ("true_cause", Object, Sometimes, "{cause, title, about}: what is behind a merged answer"),
                ("title", Text, Always, "headline"),
                ("summary", Text, Always, "one sentence"),
                ("remedy", Text, Always, "what to do"),
                ("who_can_act", Text, Always, "caller, owner, end_user, operator or time"),
                ("passed", Objects, Always, "{check, note}: what had passed"),
                ("failed", Object, OrNull, "{check}: what failed first"),
                ("would_fail_next", Objects, Always, "{cause, title, about}"),
                ("facts", Objects, Always, "{name, value, in_words, tier, subject}"),
                ("linked", Objects, Always, "{relation, subject, at}"),
            ],
            Self::Audit => &[
                ("number", Number, Always, "rising, without gaps on one store"),
                ("operation", Text, Always, "names the act"),
                ("platform", Text, OrNull, "the platform it concerns"),
                ("actor", Text, Always, "admin:NAME, user:ID, partner:NAME, client:ID or system"),
                ("action", Text, Always, "what was done: client.disable"),
                ("subject", Text, Always, "on what: client:ID"),
                ("detail", Text, Always, "facts in words"),
                ("at", Time, Always, "when"),
            ],
            Self::Admin => &[
                ("name", Text, Always, "its name in the audit record"),
                ("rights", Text, Always, "read, write or bootstrap"),
                ("platform", Text, OrNull, "the one platform it may touch; null: all"),
                ("created_at", Time, Always, "when it was made"),
                ("expires_at", Time, OrNull, "when its token ends"),
                ("token", Text, Sometimes, "once, when it is made"),
            ],
            Self::Ended => &[("name", Text, Always, "whose token ended")],
            Self::SigningKey => &[
                ("kid", Text, Always, "its name in headers and key sets; a number for refresh tokens"),
                ("alg", Text, Always, "ES256, EdDSA, PS256, RS256; HS256: refresh tokens are MACs under it"),
                ("status", Text, Always, "PUBLISHED, ACTIVE, RETIRED (what it signed counts) or GONE"),
                ("created_at", Time, Always, "when it was made"),
                ("active_from", Time, Always, "it signs from then on"),
                ("retires_at", Time, OrNull, "it signs nothing from then on"),
                (
                    "gone_at",
                    Time,
                    OrNull,
                    "nothing that it signed counts from then on, or from when its tokens have expired",
                ),
            ],
        }
    }
}
