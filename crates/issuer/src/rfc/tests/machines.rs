//! Machines that sign on with name and password (RFC 6749 section 4.3; SECURITY R5, R7, R22).

use super::{API, Bank, Reply, app, metadata};
use mandate_core::legacy::LegacyUse;
use mandate_core::model::{Account, Status, User, UserKind};
use mandate_core::platform::ScopeDefinition;
use mandate_core::settings::{AuthMethod, GrantType, Profile};
use mandate_core::{Offset, Scope, ScopeSet, Secret};
use mandate_store::Changed;

const PASSWORD: &str = "right horse";

/// A platform that allows it, with the umbrella `trapi` over `accounts` and `quotes`, the public client `terminal` and
/// machine `GE-A-1`, which may be on so often at once.
async fn exchange(sessions: u32) -> Bank {
    let bank = Bank::with(|platform| {
        platform.legacy.password_grant = true;
        platform.scopes.push(ScopeDefinition {
            scope: Scope::new("trapi").unwrap(),
            title: "Everything".into(),
            expands_to: ScopeSet::parse("accounts quotes").unwrap(),
        });
    })
    .await;
    let mut terminal = app("terminal");
    terminal.settings.auth_method = AuthMethod::None;
    terminal.settings.grants = vec![GrantType::Password, GrantType::RefreshToken];
    terminal.scopes = ScopeSet::parse("trapi openid").unwrap();
    terminal.secrets.clear();
    bank.register(terminal).await;
    bank.user("GE-A-1", UserKind::Machine { sessions }).await;
    bank
}

impl Bank {
    async fn user(&self, name: &str, kind: UserKind) {
        let arrival = self.arrival();
        let issuer = arrival.issuer;
        let hash = issuer.passwords.hash(&Secret::new(PASSWORD), &*issuer.entropy).await.unwrap();
        let user = User {
            platform: "bank".into(),
            id: format!("u-{name}").into(),
            kind,
            name: name.into(),
            password: Some(hash),
            external: None,
            email: None,
            password_version: 1,
            status: Status::Active,
            created_at: self.now(),
        };
        assert_eq!(self.store().create_user(&user, &self.audit()).await.unwrap(), Changed::Done);
    }

    /// The machine signs on by `terminal`; an empty value takes a field out.
    async fn sign_on(&self, changes: &[(&str, &str)]) -> Reply {
        let mut fields = vec![
            ("grant_type", "password"),
            ("client_id", "terminal"),
            ("username", "GE-A-1"),
            ("password", PASSWORD),
            ("scope", "trapi"),
        ];
        fields.retain(|(name, _)| !changes.iter().any(|(other, _)| other == name));
        fields.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
        self.post("/token", &fields).await
    }

    /// The refresh token of an answer is used by `terminal`.
    async fn go_on(&self, tokens: &Reply) -> Reply {
        let token = tokens.text("refresh_token");
        let fields = [("grant_type", "refresh_token"), ("client_id", "terminal"), ("refresh_token", &*token)];
        self.post("/token", &fields).await
    }

    fn digests(&self) -> u64 {
        self.arrival().issuer.passwords.digests()
    }
}

#[tokio::test]
async fn rfc6749_4_3_a_machine_signs_on_and_refreshes() {
    let bank = exchange(1).await;
    let account = |id: &str, environment: &str, status| Account {
        platform: "bank".into(),
        id: id.into(),
        environment: environment.into(),
        owner: Some("u-GE-A-1".into()),
        partner: None,
        status,
        status_since: bank.now(),
        plan: None,
        licences: Vec::new(),
        created_at: bank.now(),
        resets: 0,
        kill: Offset(0),
    };
    for account in [
        account("a-2", "live", Status::Active),
        account("a-1", "live", Status::Active),
        account("a-3", "paper", Status::Active),
        account("a-4", "live", Status::Disabled),
    ] {
        bank.store().create_account(&account, &bank.audit()).await.unwrap();
    }
    let reply = bank.sign_on(&[]).await;
    assert_eq!(reply.said(), "200", "{reply:?}");
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(reply.member("scope"), "accounts quotes", "the umbrella's leaves");
    let claims = reply.claims("access_token");
    assert_eq!((&claims["sub"], &claims["client_id"]), (&"u-GE-A-1".into(), &"terminal".into()));
    let grants = bank.store().grants(&"bank".into()).await.unwrap();
    let accounts: Vec<_> =
        grants.last().unwrap().accounts.iter().map(mandate_core::AccountId::as_str).collect();
    assert_eq!(accounts, ["a-1", "a-2"], "its own, in use, of this host's environments");

    bank.advance(300);
    let next = bank.go_on(&reply).await;
    assert_eq!((next.said(), next.member("scope")), ("200".into(), "accounts quotes".into()), "{next:?}");
    assert_eq!(next.claims("access_token")["sub"], "u-GE-A-1");
    let last = bank.go_on(&next).await;
    let token = last.text("refresh_token");
    let refresh = async |scope| {
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", "terminal"),
            ("refresh_token", &*token),
            ("scope", scope),
        ];
        bank.post("/token", &fields).await
    };
    assert_eq!(refresh("trapi openid").await.said(), "400 invalid_scope");
    assert_eq!(refresh("trapi").await.member("scope"), "accounts quotes", "the umbrella again");
    let counted = bank.counted.lock().unwrap().clone();
    assert_eq!(
        counted,
        [("terminal".to_owned(), LegacyUse::PasswordGrant)],
        "the sign-on, not its refreshes"
    );
}

#[tokio::test]
async fn rfc6749_4_3_parameters_that_are_required() {
    let bank = exchange(1).await;
    for missing in ["username", "password"] {
        let reply = bank.sign_on(&[(missing, "")]).await;
        assert_eq!(
            (reply.said(), reply.cause()),
            ("400 invalid_request".into(), "request.parameter_missing")
        );
    }
}

#[tokio::test]
async fn r05_people_are_not_served_and_everybody_else_gets_the_same_answer() {
    let bank = exchange(1).await;
    bank.user("bob", UserKind::Person).await;
    // the client is remembered from now on
    bank.sign_on(&[("username", "nobody")]).await;
    let mut answers = Vec::new();
    for (name, password) in
        [("bob", PASSWORD), ("GE-A-1", "wrong horse"), ("nobody", PASSWORD), ("no\u{0}body", PASSWORD)]
    {
        let (digests, reads) = (bank.digests(), bank.store().reads());
        let reply = bank.sign_on(&[("username", name), ("password", password)]).await;
        assert_eq!((reply.said(), reply.cause()), ("400 invalid_grant".into(), "password.rejected"));
        let mut body = reply.json();
        for own in ["decision_id", "error_uri"] {
            body.as_object_mut().unwrap().remove(own);
        }
        let costs = (bank.digests() - digests, bank.store().reads() - reads);
        answers.push((body.to_string(), costs, reply.headers.keys().len()));
    }
    assert_eq!(answers[0].1.0, 1, "one digest");
    answers.dedup();
    assert_eq!(answers.len(), 1, "same body, same cost: {answers:#?}");
}

#[tokio::test]
async fn r05_a_machine_never_signs_in_on_pages() {
    let bank = exchange(1).await;
    bank.user("bob", UserKind::Person).await;
    let sign_in = async |name: &str| {
        let page = bank.send("GET", "/login", &[], "").await;
        let fields = [("form_token", &*page.field("form_token")), ("username", name), ("password", PASSWORD)];
        let origin = [("origin", super::ISSUER)];
        bank.post_with("/login", &origin, &fields).await
    };
    let digests = bank.digests();
    let machine = sign_in("GE-A-1").await;
    assert_eq!(bank.digests(), digests + 1, "it costs what any name does");
    assert_eq!((machine.status, machine.header("set-cookie")), (401, ""), "{machine:?}");
    let person = sign_in("bob").await;
    assert_eq!(person.status, 303, "the form is right: {person:?}");
}

#[tokio::test]
async fn r05_repeats_of_a_verified_password_are_spared_the_digest() {
    let bank = exchange(9).await;
    let before = bank.digests();
    for _ in 0..3 {
        assert_eq!(bank.sign_on(&[]).await.said(), "200");
    }
    assert_eq!(bank.digests() - before, 1);
    assert_eq!(bank.sign_on(&[("password", "wrong horse")]).await.said(), "400 invalid_grant");
    assert_eq!(bank.digests() - before, 2, "a wrong one is not");

    let (passwords, entropy) = (&bank.arrival().issuer.passwords, &bank.arrival().issuer.entropy);
    let hash = passwords.hash(&Secret::new("another horse"), &**entropy).await.unwrap();
    let (platform, machine) = ("bank".into(), "u-GE-A-1".into());
    let set = bank.store().set_password(&platform, &machine, &hash, 1, None, &bank.audit()).await.unwrap();
    assert_eq!(set, Changed::Done);
    assert_eq!(bank.sign_on(&[]).await.said(), "400 invalid_grant", "the old one is not remembered");
    assert_eq!(bank.sign_on(&[("password", "another horse")]).await.said(), "200");
}

#[tokio::test]
async fn r05_programs_that_start_at_once_cost_one_digest() {
    let bank = exchange(9).await;
    let before = bank.digests();
    let all = futures_util::future::join_all((0..9).map(|_| bank.sign_on(&[]))).await;
    assert!(all.iter().all(|reply| reply.said() == "200"), "{all:?}");
    assert_eq!(bank.digests() - before, 1);
}

#[tokio::test]
async fn r05_a_full_queue_is_429_and_lets_go() {
    let bank = exchange(9).await;
    bank.user("GE-A-2", UserKind::Machine { sessions: 1 }).await;
    let (one, two) = tokio::join!(bank.sign_on(&[]), bank.sign_on(&[("username", "GE-A-2")]));
    let mut said = [one.status, two.status];
    said.sort_unstable();
    assert_eq!(said, [200, 429], "one place for one source: {one:?} {two:?}");
    let refused = if one.status == 429 { one } else { two };
    assert_eq!((refused.cause(), refused.header("retry-after")), ("sign_in.throttled", "1"));
    assert_eq!(bank.sign_on(&[]).await.said(), "200");
}

#[tokio::test]
async fn r05_guesses_are_limited_and_right_passwords_do_not_count() {
    let bank = exchange(1).await;
    for _ in 0..10 {
        assert_eq!(bank.sign_on(&[("password", "wrong horse")]).await.status, 400);
    }
    let reply = bank.sign_on(&[]).await;
    assert_eq!((reply.status, reply.cause()), (429, "sign_in.throttled"), "{reply:?}");
    let wait: i64 = reply.header("retry-after").parse().unwrap();
    assert!((1..=31).contains(&wait), "real clients give up after 31 s: {wait}");
    bank.advance(wait);
    assert_eq!(bank.sign_on(&[]).await.said(), "200");
}

#[tokio::test]
async fn r22_off_unless_the_file_the_client_and_its_profile_allow_it() {
    let fields = |client| {
        [("grant_type", "password"), ("client_id", client), ("username", "GE-A-1"), ("password", PASSWORD)]
    };
    let closed = Bank::new().await;
    closed.user("GE-A-1", UserKind::Machine { sessions: 1 }).await;
    closed.app("terminal", |settings| settings.auth_method = AuthMethod::None).await;
    let reply = closed.post("/token", &fields("terminal")).await;
    assert_eq!(reply.said(), "400 unsupported_grant_type", "whatever the client's settings name");
    assert!(!reply.body.contains("device_code, password"), "{reply:?}");
    assert!(!metadata::grants(&closed).await.contains(&"password".into()));

    let open = exchange(1).await;
    assert!(metadata::grants(&open).await.contains(&"password".into()));
    for (id, grants, profile) in [
        ("silent", vec![GrantType::RefreshToken], Profile::Default),
        ("strict", vec![GrantType::Password, GrantType::RefreshToken], Profile::Fapi2),
    ] {
        open.app(id, |settings| {
            settings.auth_method = AuthMethod::None;
            settings.grants = grants;
            settings.profile = profile;
        })
        .await;
        let reply = open.post("/token", &fields(id)).await;
        assert_eq!(
            (reply.said(), reply.cause()),
            ("400 unauthorized_client".into(), "client.grant_not_allowed")
        );
    }
}

#[tokio::test]
async fn the_quota_holds_and_says_what_is_there() {
    let bank = exchange(1).await;
    let first = bank.sign_on(&[]).await;
    bank.advance(10);
    for flag in ["", "false", "False", "FALSE"] {
        let refused = bank.sign_on(&[("takeExclusiveSignOnControl", flag)]).await;
        assert_eq!((refused.said(), refused.cause()), ("400 access_denied".into(), "session.quota_reached"));
        let facts = refused.member("facts");
        assert_eq!((&facts["limit"], &facts["sessions_live"]), (&1.into(), &1.into()));
        assert_eq!(facts["sessions_since"], "2026-09-21T14:13:20Z");
        assert_eq!(facts["sessions_from"], serde_json::Value::Null, "the owner's to know");
    }
    assert_eq!(bank.go_on(&first).await.said(), "200", "nothing was changed");
}

#[tokio::test]
async fn r10_who_takes_exclusive_control_displaces_the_other_at_once() {
    let bank = exchange(1).await;
    bank.app("rs", |settings| settings.may_introspect = true).await;
    let active = async |tokens: &Reply| {
        let token = tokens.text("access_token");
        bank.post_as("rs", "/introspect", &[("token", &*token)]).await.member("active")
    };
    let mut last = bank.sign_on(&[]).await;
    for flag in ["true", "True", "TRUE"] {
        assert_eq!(active(&last).await, true);
        let next = bank.sign_on(&[("takeExclusiveSignOnControl", flag)]).await;
        assert_eq!(next.said(), "200", "{next:?}");
        assert_eq!(active(&last).await, false, "its access token is dead");
        let refused = bank.go_on(&last).await;
        assert_eq!((refused.said(), refused.cause()), ("400 invalid_grant".into(), "session.displaced"));
        assert!(!refused.body.contains("192.0.2"), "the displacer's network is the owner's to know");
        last = next;
    }
    assert_eq!(bank.go_on(&last).await.said(), "200");
    let odd = bank.sign_on(&[("takeExclusiveSignOnControl", "yes")]).await;
    assert_eq!((odd.said(), odd.cause()), ("400 invalid_request".into(), "request.parameter_invalid"));
}

#[tokio::test]
async fn sign_ons_that_were_given_back_or_not_used_do_not_count() {
    let bank = exchange(1).await;
    let first = bank.sign_on(&[]).await;
    let token = first.text("refresh_token");
    let given = bank.post("/revoke", &[("client_id", "terminal"), ("token", &*token)]).await;
    assert_eq!(given.said(), "200", "{given:?}");
    assert_eq!(bank.sign_on(&[]).await.said(), "200");
    bank.advance(86_399);
    assert_eq!(bank.sign_on(&[]).await.cause(), "session.quota_reached");
    bank.advance(1);
    assert_eq!(bank.sign_on(&[]).await.said(), "200", "idle for too long");
}

#[tokio::test]
async fn a_new_password_comes_with_the_sign_on() {
    let bank = exchange(1).await;
    let short = bank.sign_on(&[("newPassword", "short")]).await;
    assert_eq!((short.said(), short.cause()), ("400 invalid_request".into(), "request.parameter_invalid"));
    assert!(!short.body.contains("\"short\""));
    let wrong = bank.sign_on(&[("password", "wrong horse"), ("newPassword", "another horse")]).await;
    assert_eq!(wrong.said(), "400 invalid_grant");
    assert_eq!(bank.sign_on(&[("newPassword", "another horse")]).await.said(), "200");
    assert_eq!(bank.sign_on(&[]).await.cause(), "password.rejected", "the old one");
    let full = bank.sign_on(&[("password", "another horse"), ("newPassword", "third horse")]).await;
    assert_eq!(full.cause(), "session.quota_reached");
    let right = [("password", "another horse"), ("takeExclusiveSignOnControl", "true")];
    assert_eq!(bank.sign_on(&right).await.said(), "200", "a refusal changed nothing");
}

#[tokio::test]
async fn rfc6749_3_3_scopes_are_narrowed_and_never_about_people() {
    let bank = exchange(9).await;
    for (asked, given) in
        [("accounts", "accounts"), ("accounts trapi", "accounts quotes"), ("", "accounts quotes")]
    {
        let reply = bank.sign_on(&[("scope", asked)]).await;
        assert_eq!(reply.member("scope"), given, "{asked}: {reply:?}");
        assert_eq!(reply.json()["id_token"], serde_json::Value::Null);
    }
    for asked in ["openid", "email", "trapi email", "nonsense", "a\"b"] {
        assert_eq!(bank.sign_on(&[("scope", asked)]).await.said(), "400 invalid_scope", "{asked}");
    }
    let mut narrow = app("narrow");
    narrow.scopes = ScopeSet::parse("quotes").unwrap();
    bank.register(narrow).await;
    let fields = [
        ("grant_type", "password"),
        ("username", "GE-A-1"),
        ("password", PASSWORD),
        ("scope", "trapi"),
        ("resource", API),
    ];
    let reply = bank.post_as("narrow", "/token", &fields).await;
    assert_eq!(reply.member("scope"), "quotes", "of the umbrella what the client may have: {reply:?}");
    assert_eq!(reply.claims("access_token")["aud"], API);
}
