//! Tables for the decision: which cause comes first, and what is said about the rest.

use super::*;
use crate::disclosure::{FactName, OwnerProof, PossessionProof, Reader, Value};
use crate::limit::Meter;
use crate::model::*;
use crate::platform::*;
use crate::*;
use Cause as C;
use std::sync::Arc;

use crate::platform::samples::{BROKER as Broker, REST as Rest};
use RouteAccess::{Account as A, Owner as O, Partner as P, Public};

const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

fn scopes(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap()
}

fn snapshot() -> Snapshot {
    let environment = |id: &str, prefix: &str, live: bool| Environment {
        id: id.into(),
        key_prefix: prefix.into(),
        resettable: !live,
        needs_approval: live,
    };
    let host = |name: &str, environments: &[&str], surface| Host {
        name: name.into(),
        listen: "127.0.0.1:0".into(),
        url: format!("http://{name}.test").into(),
        aliases: Vec::new(),
        environments: environments.iter().map(|e| EnvironmentId::from(*e)).collect(),
        surface,
        upstream: Some("sample".into()),
    };
    let scope = |word: &str, expands: &str| ScopeDefinition {
        scope: Scope::new(word).unwrap(),
        title: word.into(),
        expands_to: scopes(expands),
    };
    let route =
        |path: &str, surface, access, scope: Option<&str>, product: Option<&str>, param: Option<&str>| {
            Route {
                method: "GET".into(),
                path: path.into(),
                surface,
                access,
                scope: scope.map(|s| Scope::new(s).unwrap()),
                product: product.map(ProductId::from),
                account_param: param.map(Into::into),
                stream: None,
            }
        };
    Snapshot::compile(
        Platform {
            id: "alpaca".into(),
            name: "Sample".into(),
            dialect: crate::platform::samples::PLAIN,
            issuer: "http://issuer.test".into(),
            contact: "support@issuer.test".into(),
            legacy: crate::platform::Legacy::default(),
            tokens: Tokens {
                code_lifetime_s: 600,
                access_lifetime_s: None,
                client_access_lifetime_s: None,
                requests_per_minute: None,
                session_lifetime_s: 3600,
                id_token_lifetime_s: 600,
                refresh_idle_s: None,
                refresh_lifetime_s: None,
            },
            environments: vec![environment("paper", "PK", false), environment("live", "AK", true)],
            hosts: vec![
                host("paper", &["paper"], Rest),
                host("live", &["live"], Rest),
                host("data", &["paper", "live"], Rest),
                host("broker", &["paper", "live"], Broker),
            ],
            upstreams: Vec::new(),
            scopes: vec![scope("trading", ""), scope("data", ""), scope("general", "trading")],
            licences: vec![Licence { id: "redistribution".into(), title: "Redistribution".into() }],
            products: vec![Product {
                id: "market-data".into(),
                title: "market data".into(),
                delegated: Delegated::Deny { unless: Some("redistribution".into()) },
                instead: "an own key".into(),
            }],
            plans: vec![
                Plan { id: "standard".into(), requests_per_minute: 2 },
                Plan { id: "partner".into(), requests_per_minute: 5 },
            ],
            default_plan: "standard".into(),
            routes: vec![
                route("/clock", Rest, Public, None, None, None),
                route("/account", Rest, A, None, None, None),
                route("/orders", Rest, A, Some("trading"), None, None),
                route("/mine", Rest, O, Some("trading"), None, None),
                route("/bars", Rest, A, Some("data"), Some("market-data"), None),
                route("/v1/accounts/{account_id}", Broker, P, None, None, Some("account_id")),
            ],
            partners: vec![Partner {
                id: "sun".into(),
                name: "Sun".into(),
                scopes: scopes("general"),
                environments: vec!["paper".into()],
                plan: "partner".into(),
            }],
        },
        1,
    )
    .unwrap()
}

fn account(id: &str, environment: &str) -> Arc<Account> {
    Arc::new(Account {
        platform: "alpaca".into(),
        id: id.into(),
        environment: environment.into(),
        owner: Some("alice".into()),
        partner: Some("sun".into()),
        status: Status::Active,
        status_since: NOW,
        plan: None,
        licences: Vec::new(),
        created_at: NOW,
        resets: 0,
        kill: Offset(0),
    })
}

fn key(environment: &str) -> KeyFacts {
    KeyFacts {
        key: ApiKey {
            platform: "alpaca".into(),
            id: "PK1".into(),
            holder: KeyHolder::Account("A1".into()),
            environment: Some(environment.into()),
            digest: Digest::of(b"secret"),
            label: "bot".into(),
            created_at: NOW,
            offset: Offset(5),
            ended: None,
            last_used: None,
        },
        account: Some(account("A1", environment)),
    }
}

fn client() -> Client {
    Client {
        platform: "alpaca".into(),
        id: "app".into(),
        name: "Chart App".into(),
        description: "".into(),
        url: "".into(),
        terms_of_use: "".into(),
        privacy_policy: "".into(),
        owner: ClientOwner::User("dev".into()),
        status: Status::Active,
        status_since: NOW,
        live_trading_approved: false,
        redirect_uris: Vec::new(),
        scopes: scopes("general trading data"),
        licences: Vec::new(),
        visible_to: Vec::new(),
        settings: crate::ClientSettings::default(),
        secrets: vec![ClientSecret {
            digest: Digest::of(b"cs"),
            partner: None,
            created_at: NOW,
            ended_at: None,
        }],
        created_at: NOW,
        active_from: None,
        expires_at: None,
        kill: Offset(0),
    }
}

fn token(held: &str) -> TokenFacts {
    TokenFacts {
        token: Token {
            platform: "alpaca".into(),
            digest: Digest::of(b"token"),
            handle: "t1".into(),
            grant: "g1".into(),
            scopes: scopes(held),
            partner: None,
            issued_at: NOW,
            expires_at: None,
            offset: Offset(5),
            chain: None,
            binding: None,
            audience: Vec::new(),
            signed_by: None,
            ended: None,
        },
        grant: Arc::new(Grant {
            platform: "alpaca".into(),
            id: "g1".into(),
            client: "app".into(),
            user: Some("alice".into()),
            accounts: vec!["A1".into(), "A2".into()],
            scopes: scopes("general trading data"),
            granted_by: GrantedBy::Owner,
            created_at: NOW,
            updated_at: NOW,
            last_used: None,
            ended: None,
        }),
        client: Arc::new(client()),
        accounts: vec![account("A1", "paper"), account("A2", "live")],
        killed: None,
    }
}

fn with_client(mut facts: TokenFacts, change: impl FnOnce(&mut Client)) -> TokenFacts {
    change(Arc::make_mut(&mut facts.client));
    facts
}
fn with_grant(mut facts: TokenFacts, change: impl FnOnce(&mut Grant)) -> TokenFacts {
    change(Arc::make_mut(&mut facts.grant));
    facts
}
fn ended(reason: EndReason) -> Ended {
    Ended { at: NOW, reason, successor: Some("PK2".into()) }
}

fn ask(
    snapshot: &Snapshot,
    principal: &Principal,
    host: usize,
    path: &str,
) -> Result<(), Box<refusal::Refusal>> {
    let host = &snapshot.platform.hosts[host];
    let Routed::Route(_, route, params) = snapshot.route(host.surface, "GET", path) else { panic!("{path}") };
    let named =
        route.route.account_param.as_ref().and_then(|p| params.iter().find(|(k, _)| k == p)).map(|(_, v)| *v);
    let named_facts = named.filter(|n| *n != "A9").map(|n| {
        let mut account = (*account(n, "paper")).clone();
        account.partner = Some(if n == "A1" { "sun" } else { "dusk" }.into());
        Arc::new(account)
    });
    let request = Request { host, route, named_account: named, account: named_facts.as_ref() };
    decide(snapshot, principal, PossessionProof(()), request, NOW).map(|_| ())
}

const PAPER: usize = 0;
const LIVE: usize = 1;
const DATA: usize = 2;
const BROKER: usize = 3;

#[test]
fn first_failure_is_the_cause() {
    let snapshot = snapshot();
    let t = |facts: TokenFacts| Principal::Token(Arc::new(facts));
    let k = |facts: KeyFacts| Principal::Key(Arc::new(facts));
    let dead_key =
        |reason| KeyFacts { key: ApiKey { ended: Some(ended(reason)), ..key("paper").key }, ..key("paper") };
    let dead_token = |reason| TokenFacts {
        token: Token { ended: Some(ended(reason)), ..token("data").token },
        ..token("data")
    };
    let killed_token = |reason| TokenFacts {
        killed: Some(Killed { kind: SubjectKind::Token, at: None, reason: Some(reason) }),
        ..token("data")
    };
    let licensed = |c: &mut Client| c.licences = vec!["redistribution".into()];
    let partner = || KeyFacts {
        key: ApiKey { holder: KeyHolder::Partner("sun".into()), environment: None, ..key("paper").key },
        account: None,
    };
    let meant_for = |host: usize| {
        let audience = vec![snapshot.platform.hosts[host].url.clone()];
        TokenFacts { token: Token { audience, ..token("").token }, ..token("") }
    };
    let for_itself = |held: &str| {
        let facts = with_grant(token(held), |g| {
            (g.granted_by, g.user, g.accounts) = (GrantedBy::Client, None, Vec::new());
        });
        TokenFacts { accounts: Vec::new(), ..facts }
    };
    let table: Vec<(&str, Principal, usize, &str, Option<Cause>)> = vec![
        ("key reads account", k(key("paper")), PAPER, "/account", None),
        ("key reads bars: not delegated", k(key("paper")), DATA, "/bars", None),
        ("live key on paper host", k(key("live")), PAPER, "/account", Some(C::EnvironmentMismatch)),
        ("reset key", k(dead_key(EndReason::AccountReset)), PAPER, "/account", Some(C::CredentialSuperseded)),
        ("revoked key", k(dead_key(EndReason::Owner)), PAPER, "/account", Some(C::CredentialRevoked)),
        ("token, no scope needed", t(token("")), PAPER, "/account", None),
        ("token for this API", t(meant_for(PAPER)), PAPER, "/account", None),
        ("token for another API", t(meant_for(DATA)), PAPER, "/account", Some(C::TokenAudience)),
        ("a client for itself", t(for_itself("")), PAPER, "/account", None),
        ("a client for itself is not delegated", t(for_itself("data")), DATA, "/bars", None),
        ("nor free of scopes", t(for_itself("data")), PAPER, "/orders", Some(C::ScopeMissing)),
        ("a client for itself owns nothing", t(for_itself("trading")), PAPER, "/mine", Some(C::TokenNoOwner)),
        (
            "who has no owner is told so before scopes",
            t(for_itself("")),
            PAPER,
            "/mine",
            Some(C::TokenNoOwner),
        ),
        ("an owner's token owns", t(token("trading")), PAPER, "/mine", None),
        ("an owner's key too", k(key("paper")), PAPER, "/mine", None),
        ("umbrella covers trading", t(token("general")), PAPER, "/orders", None),
        ("scope missing", t(token("data")), PAPER, "/orders", Some(C::ScopeMissing)),
        ("licence", t(token("data")), DATA, "/bars", Some(C::LicenceDelegated)),
        ("scope before licence", t(token("trading")), DATA, "/bars", Some(C::ScopeMissing)),
        ("licensed app", t(with_client(token("data"), licensed)), DATA, "/bars", None),
        (
            "own app is not delegated",
            t(with_client(token("data"), |c| c.owner = ClientOwner::User("alice".into()))),
            DATA,
            "/bars",
            None,
        ),
        ("live not approved", t(token("")), LIVE, "/account", Some(C::ClientLiveNotApproved)),
        (
            "live approved",
            t(with_client(token(""), |c| c.live_trading_approved = true)),
            LIVE,
            "/account",
            None,
        ),
        (
            "live, own app",
            t(with_client(token(""), |c| c.owner = ClientOwner::User("alice".into()))),
            LIVE,
            "/account",
            None,
        ),
        (
            "client disabled",
            t(with_client(token(""), |c| c.status = Status::Disabled)),
            PAPER,
            "/account",
            Some(C::ClientDisabled),
        ),
        (
            "r10: enabled again, killed before",
            t(with_client(token(""), |c| c.kill = Offset(6))),
            PAPER,
            "/account",
            Some(C::TokenRevoked),
        ),
        (
            "r10: issued after the kill",
            t(with_client(token(""), |c| c.kill = Offset(5))),
            PAPER,
            "/account",
            None,
        ),
        (
            "grant revoked",
            t(with_grant(token(""), |g| g.ended = Some(ended(EndReason::Owner)))),
            PAPER,
            "/account",
            Some(C::GrantRevoked),
        ),
        (
            "scope withdrawn from the grant",
            t(with_grant(token("trading"), |g| g.scopes = scopes("data"))),
            PAPER,
            "/orders",
            Some(C::ScopeMissing),
        ),
        (
            "code replayed",
            t(dead_token(EndReason::CodeReplayed)),
            PAPER,
            "/account",
            Some(C::CodeReplayedToken),
        ),
        ("token revoked", t(dead_token(EndReason::Holder)), PAPER, "/account", Some(C::TokenRevoked)),
        ("displaced", t(dead_token(EndReason::Displaced)), PAPER, "/account", Some(C::SessionDisplaced)),
        (
            "r10: displaced, by the log",
            t(killed_token(EndReason::Displaced)),
            PAPER,
            "/account",
            Some(C::SessionDisplaced),
        ),
        (
            "r10: given back, by the log",
            t(killed_token(EndReason::Holder)),
            PAPER,
            "/account",
            Some(C::TokenRevoked),
        ),
        (
            "token expired",
            t(TokenFacts { token: Token { expires_at: Some(NOW), ..token("").token }, ..token("") }),
            PAPER,
            "/account",
            Some(C::TokenExpired),
        ),
        (
            "grant without an account here",
            t(TokenFacts { accounts: vec![account("A2", "live")], ..token("") }),
            PAPER,
            "/account",
            Some(C::EnvironmentMismatch),
        ),
        ("partner reaches its own", k(partner()), BROKER, "/v1/accounts/A1", None),
        (
            "r23: partner, other's account",
            k(partner()),
            BROKER,
            "/v1/accounts/A2",
            Some(C::AccountNotCovered),
        ),
        (
            "r23: partner, no such account",
            k(partner()),
            BROKER,
            "/v1/accounts/A9",
            Some(C::AccountNotCovered),
        ),
        ("partner key on an account route", k(partner()), PAPER, "/account", Some(C::CredentialWrongKind)),
        (
            "account key on a partner route",
            k(key("paper")),
            BROKER,
            "/v1/accounts/A1",
            Some(C::CredentialWrongKind),
        ),
    ];
    for (name, principal, host, path, expected) in table {
        let cause = ask(&snapshot, &principal, host, path).err().map(|r| r.cause);
        assert_eq!(cause, expected, "{name}");
    }
}

#[test]
fn a_refusal_says_what_passed_and_what_would_fail_next() {
    let snapshot = snapshot();
    let principal = Principal::Token(Arc::new(token("trading")));
    let refusal = ask(&snapshot, &principal, DATA, "/bars").unwrap_err();
    assert_eq!(refusal.failed, Some(Check::Scope));
    assert_eq!(refusal.next, [Cause::LicenceDelegated]);
    assert!(refusal.passed.starts_with(&[Check::Possession, Check::NotEnded, Check::Kind, Check::Client]));
    assert!(!refusal.passed.contains(&Check::Reach), "no account was named");
}

#[test]
fn r06_facts_by_reader() {
    let snapshot = snapshot();
    let dead = KeyFacts {
        key: ApiKey { ended: Some(ended(EndReason::AccountReset)), ..key("paper").key },
        ..key("paper")
    };
    let refusal = ask(&snapshot, &Principal::Key(Arc::new(dead)), PAPER, "/account").unwrap_err();
    let holder = refusal.facts.for_holder(&refusal.proof.unwrap());
    assert_eq!(holder.get(FactName::EndedAt), Some(&Value::Time(NOW)));
    assert_eq!(holder.get(FactName::Successor), None, "the successor is the owner's to know");
    assert_eq!(refusal.facts.public().iter().count(), 0);
    let proof = |reader| OwnerProof::of(&reader, &refusal.subjects);
    let alice = proof(Reader::User("alice".into())).unwrap();
    assert_eq!(refusal.facts.for_owner(&alice).get(FactName::Successor), Some(&Value::Text("PK2".into())));
    assert!(proof(Reader::User("bob".into())).is_none());
    assert!(proof(Reader::Partner("dusk".into())).is_none());

    // The app's developer sees the client's facts, not the owner's.
    let refusal = ask(&snapshot, &Principal::Token(Arc::new(token("data"))), DATA, "/bars").unwrap_err();
    let developer = OwnerProof::of(&Reader::User("dev".into()), &refusal.subjects).unwrap();
    let view = refusal.facts.for_owner(&developer);
    assert!(view.get(FactName::ClientIdShown).is_some());
    assert!(view.get(FactName::Account).is_none() && view.get(FactName::Grant).is_none());
}

#[test]
fn r07_unknown_id_and_wrong_secret_are_one_answer() {
    let found = Credential::Key(Arc::new(key("paper")));
    let app = Credential::Client(Arc::new(client()));
    let refused =
        |found: Option<&Credential>, secret: &[u8]| match identify_key(&Digest::of(secret), found, NOW) {
            Identified::Refused(refusal) => *refusal,
            Identified::Proven(..) => panic!("nothing was proven"),
        };
    for wrong in [refused(None, b"x"), refused(Some(&found), b"x"), refused(Some(&app), b"x")] {
        assert_eq!(wrong.cause, Cause::CredentialRejected);
        assert!(wrong.proof.is_none() && wrong.true_cause.is_some());
        assert_eq!(wrong.facts, disclosure::Facts::none());
    }
    assert_eq!(refused(Some(&app), b"cs").cause, Cause::CredentialWrongKind);
    assert!(matches!(identify_key(&Digest::of(b"secret"), Some(&found), NOW), Identified::Proven(..)));
}

/// RFC 7662 section 2.2: what introspection calls inactive.
#[test]
fn a_token_is_good_until_it_or_what_it_hangs_from_ends() {
    let fine = || token("data");
    let expiring = |at| TokenFacts { token: Token { expires_at: Some(at), ..fine().token }, ..fine() };
    assert_eq!(token_fault(&fine(), NOW), None);
    assert_eq!(token_fault(&expiring(NOW.plus_millis(1)), NOW), None);
    let killed = |id: &str, kill| {
        let mut account = (*account(id, "paper")).clone();
        account.kill = Offset(kill);
        Arc::new(account)
    };
    let with_accounts = |accounts| TokenFacts { accounts, ..fine() };
    let killed_by = |kind, reason| TokenFacts { killed: Some(Killed { kind, at: None, reason }), ..fine() };
    assert_eq!(token_fault(&with_accounts(vec![killed("A1", 6), killed("A2", 0)]), NOW), None);
    for (name, facts, cause) in [
        ("expired", expiring(NOW), Cause::TokenExpired),
        (
            "ended",
            TokenFacts { token: Token { ended: Some(ended(EndReason::Holder)), ..fine().token }, ..fine() },
            Cause::TokenRevoked,
        ),
        ("client off", with_client(fine(), |c| c.status = Status::Disabled), Cause::ClientDisabled),
        ("client killed", with_client(fine(), |c| c.kill = Offset(6)), Cause::TokenRevoked),
        ("grant", with_grant(fine(), |g| g.ended = Some(ended(EndReason::Owner))), Cause::GrantRevoked),
        ("user", killed_by(SubjectKind::User, None), Cause::TokenRevoked),
        ("grant of a signed one", killed_by(SubjectKind::Grant, Some(EndReason::Owner)), Cause::TokenRevoked),
        ("its sign-on", killed_by(SubjectKind::Token, Some(EndReason::Displaced)), Cause::SessionDisplaced),
        ("itself", killed_by(SubjectKind::Token, Some(EndReason::Holder)), Cause::TokenRevoked),
        ("its code", killed_by(SubjectKind::Token, Some(EndReason::CodeReplayed)), Cause::TokenRevoked),
        ("itself, nobody knows why", killed_by(SubjectKind::Token, None), Cause::TokenRevoked),
        ("all accounts", with_accounts(vec![killed("A1", 6), killed("A2", 7)]), Cause::TokenRevoked),
    ] {
        assert_eq!(token_fault(&facts, NOW), Some(cause), "{name}");
    }
}

#[test]
fn permits_spend_from_the_limit() {
    let snapshot = snapshot();
    let principal = Principal::Key(Arc::new(key("paper")));
    let meter = Meter::default();
    let host = &snapshot.platform.hosts[PAPER];
    let Routed::Route(_, route, _) = snapshot.route(host.surface, "HEAD", "/account") else { panic!() };
    let request = Request { host, route, named_account: None, account: None };
    let permit = || decide(&snapshot, &principal, PossessionProof(()), request, NOW).unwrap();
    assert_eq!(*permit().meter_key(), MeterKey::Account("A1".into()));
    assert_eq!(permit().take(&meter, NOW).unwrap().budget.remaining, 1);
    assert!(permit().take(&meter, NOW).is_ok());
    let (refusal, _) = permit().take(&meter, NOW).unwrap_err();
    assert_eq!((refusal.cause, refusal.retry_after_s()), (Cause::RateLimited, Some(30)));
}

#[test]
fn r23_a_partner_reaches_its_own_accounts_with_a_secret_of_its_own() {
    let snapshot = snapshot();
    let partner = Principal::Key(Arc::new(KeyFacts {
        key: ApiKey { holder: KeyHolder::Partner("sun".into()), environment: None, ..key("paper").key },
        account: None,
    }));
    let others = ask(&snapshot, &partner, BROKER, "/v1/accounts/A2").unwrap_err();
    let nobodys = ask(&snapshot, &partner, BROKER, "/v1/accounts/A9").unwrap_err();
    assert_eq!((others.cause, nobodys.cause), (C::AccountNotCovered, C::AccountNotCovered));
    assert_eq!(others.facts, nobodys.facts, "another's account and none at all are one answer");

    let secret = |text: &[u8], partner: Option<&str>| ClientSecret {
        digest: Digest::of(text),
        partner: partner.map(Into::into),
        created_at: NOW,
        ended_at: None,
    };
    let shared = Client {
        visible_to: vec!["sun".into(), "dusk".into()],
        secrets: vec![secret(b"own", None), secret(b"suns", Some("sun"))],
        ..client()
    };
    let (sun, dusk) = ("sun".into(), "dusk".into());
    for (presented, used, good) in [
        (&b"own"[..], SecretUse::Own, true),
        (b"suns", SecretUse::Own, false),
        (b"suns", SecretUse::Partner(&sun), true),
        (b"suns", SecretUse::Partner(&dusk), false),
        (b"own", SecretUse::Partner(&sun), false),
    ] {
        assert_eq!(shared.secret_matches(&Digest::of(presented), used, NOW), good, "{used:?}");
    }
    let of_one = Client { visible_to: vec!["sun".into()], ..shared };
    assert!(of_one.secret_matches(&Digest::of(b"own"), SecretUse::Partner(&sun), NOW));
}
