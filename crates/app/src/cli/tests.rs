//! What a person reads at the terminal, and what the options accept.

use super::out::Out;
use super::*;
use clap::{CommandFactory as _, FromArgMatches as _, Parser};
use serde_json::json;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);
impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What is printed.
fn page(print: impl FnOnce(&mut Out)) -> String {
    let page = Page::default();
    print(&mut Out::to(page.clone()));
    let bytes = page.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    String::from_utf8(bytes).unwrap()
}

#[derive(Debug, Parser)]
struct Whole {
    #[command(subcommand)]
    command: Command,
}

fn parse(line: &str) -> Result<Command, String> {
    let words = shell_words(line);
    Whole::try_parse_from(std::iter::once("mandate".to_owned()).chain(words))
        .map(|w| w.command)
        .map_err(|e| e.to_string())
}

/// Words of a line; double quotes keep spaces.
fn shell_words(line: &str) -> Vec<String> {
    line.split('"')
        .enumerate()
        .flat_map(|(i, part)| match i % 2 {
            1 => vec![part.to_owned()],
            _ => part.split_whitespace().map(str::to_owned).collect(),
        })
        .collect()
}

#[test]
fn the_command_line_is_consistent() {
    Whole::command().debug_assert();
    assert!(Whole::from_arg_matches(&Whole::command().get_matches_from(["mandate", "audit"])).is_ok());
}

#[test]
fn the_commands_that_scripts_rely_on_are_understood() {
    for line in [
        "apply platforms/alpaca.toml --yes --server http://127.0.0.1:7190 --token-file t",
        "apply platforms/alpaca.toml --dry-run --json",
        "check a.toml b.toml --json",
        "export alpaca",
        "explain d123 --json --token x",
        "platform list --json",
        "platform show alpaca",
        "partner list",
        "partner key sunrise --label bot",
        "user create --platform alpaca --name alice --password-file F --json",
        "user list --platform alpaca --json --server http://127.0.0.1:7190 --token-file t",
        "user password alice",
        "user create --platform lseg --name GE-A-1 --machine --sessions 5 --password-file F --json",
        "user change GE-A-1 --sessions 2 --json",
        "user sign-ons GE-A-1 --json",
        "account create --platform alpaca --user alice --environment paper --json",
        "account list --user alice",
        "account disable ID",
        "account enable ID",
        "account reset ID --platform alpaca --json",
        "key create --platform alpaca --account ID --json",
        "key list --account ID",
        "key list --partner sunrise",
        "key replace ID --overlap 24h",
        "key revoke ID",
        "client create --platform alpaca --name \"Chart App\" --redirect-uri https://x/cb --scope \"trading data\" --json",
        "client list",
        "client show ID",
        "client change ID --scope data",
        "client secret ID --end-older-in 0",
        "client disable ID --platform alpaca",
        "client enable ID",
        "client approve-live ID",
        "client withdraw-live ID",
        "grant list --json",
        "grant revoke ID",
        "admin create --name ops --rights write --platform alpaca --expires-in 90d --save t",
        "admin list",
        "admin end ops",
        "audit --after 7 --limit 20",
    ] {
        assert!(parse(line).is_ok(), "{line}: {:?}", parse(line).err());
    }
    for line in [
        "key list",
        "key list --account A --partner P",
        "account create --environment paper",
        "user create",
        "user create --name x --sessions 2",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
}

/// Ids of keys are thumbprints (RFC 7638), and ids of clients are whatever another issuer makes: in base64url one of 64 begins
/// with a hyphen. Nobody who ends a stolen key should have to know how a shell is told so.
#[test]
fn ids_may_begin_with_a_hyphen() {
    for id in ["-Fvw8mq2lnSHvE0Ucx3Vq1ynqQ0vyiyX0CXLyn0gxkY", "-hVw", "--w8mq2lnSHvE0Ucx3V"] {
        for line in ["retire ID", "retire ID --compromised", "retire --compromised ID --json"] {
            let line = format!("signing-key {}", line.replace("ID", id));
            let understood = parse(&line).map(|command| format!("{command:?}"));
            let understood = understood.unwrap_or_else(|error| panic!("{line}: {error}"));
            assert!(understood.contains(&format!("id: {id:?}")), "{line}: {understood}");
            assert_eq!(understood.contains("compromised: true"), line.contains("compromised"), "{line}");
        }
        let line = format!("login desk --client-id {id} --issuer https://issuer.example");
        assert!(parse(&line).is_ok_and(|command| format!("{command:?}").contains(id)), "{line}");
    }
}

#[test]
fn r04_a_token_on_the_command_line_does_not_print() {
    let command = parse("audit --token mdt_admin_secret").unwrap();
    assert!(!format!("{command:?}").contains("mdt_admin_secret"));
}

#[test]
fn an_explanation_is_laid_out() {
    let explanation = json!({
        "decision_id": "dX", "at": "2026-05-04T03:02:01Z", "platform": "alpaca", "surface": "rest", "host": "paper",
        "route": "GET /v2/stocks/bars", "cause": "licence.delegated_access", "class": "LicenceForbids",
        "title": "The data licence does not cover apps",
        "summary": "market data may not be read with a token that an owner gave to somebody else's app, whatever its scopes",
        "remedy": "Use the account owner's own API key.", "about": "…", "who_can_act": "operator",
        "who_can_act_in_words": "the operator of the platform", "cause_uri": "http://127.0.0.1:7110/causes/x",
        "passed": [{"check": "possession", "note": "the credential is genuine"}, {"check": "scope", "note": "the scope suffices"}],
        "failed": {"check": "licence"},
        "would_fail_next": [{"cause": "rate.limited", "title": "Too many requests", "about": "…"}],
        "facts": [{"name": "product", "value": "market data", "in_words": "market data", "tier": "holder", "subject": "credential"},
            {"name": "key_label", "value": "", "in_words": "", "tier": "owner", "subject": "account_owner"}],
        "linked": [{"relation": "issued_under", "subject": "grant:g1", "at": null}], "told": "owner",
    });
    insta::assert_snapshot!(page(|out| explain::show(out, &explanation)), @r"
    The data licence does not cover apps
    Market data may not be read with a token that an owner gave to somebody else's app, whatever
    its scopes

      Cause     licence.delegated_access
      Request   GET /v2/stocks/bars on the host `paper`, 2026-05-04 03:02:01Z
      Platform  alpaca
      Decision  dX

    Checks, in their order
      ✓ possession   the credential is genuine
      ✓ scope        the scope suffices
      ✗ licence      failed: licence.delegated_access
      · rate.limited would fail next: too many requests

    Facts
      product  market data

    What to do
      Use the account owner's own API key.
      Who can act: the operator of the platform.

    Linked
      issued under  grant:g1

    More: http://127.0.0.1:7110/causes/x
    ");
}

#[test]
fn a_merged_answer_is_laid_out_with_what_is_behind_it() {
    let explanation = json!({
        "decision_id": "sX", "at": "2026-05-04T03:02:01Z", "platform": "alpaca", "host": "paper", "route": "",
        "cause": "credential.rejected", "title": "The credential was not accepted", "summary": "request is not authorized",
        "true_cause": {"cause": "credential.unknown", "title": "Unknown credential", "about": "Nothing has this id."},
        "remedy": "Compare key id and secret.", "who_can_act_in_words": "the developer", "cause_uri": "",
        "passed": [], "failed": null, "would_fail_next": [], "facts": [], "linked": [],
    });
    insta::assert_snapshot!(page(|out| explain::show(out, &explanation)), @r"
    The credential was not accepted
    Request is not authorized

      Cause     credential.rejected
      Request   on the host `paper`, 2026-05-04 03:02:01Z
      Platform  alpaca
      Decision  sX

    Behind it (callers are not told)
      credential.unknown: Nothing has this id.

    What to do
      Compare key id and secret.
      Who can act: the developer.
    ");
}

#[test]
fn a_plan_is_laid_out() {
    let plan = json!({
        "platform": "alpaca", "revision": 3, "summary": "the platform `alpaca` changes from revision 3: 1 changed, 2 added",
        "changes": [
            {"kind": "changed", "section": "plans", "name": "standard", "fields": [
                {"field": "requests_per_minute", "before": "200", "after": "400"},
                {"field": "note", "before": "", "after": "x"}]},
            {"kind": "added", "section": "hosts", "name": "paper", "fields": [
                {"field": "listen", "before": null, "after": "127.0.0.1:7111"},
                {"field": "surface", "before": null, "after": "rest"}]},
            {"kind": "added", "section": "hosts", "name": "live-trading", "fields": [
                {"field": "listen", "before": null, "after": "127.0.0.1:7112"}]},
            {"kind": "removed", "section": "environments", "name": "sandbox", "fields": [
                {"field": "key_prefix", "before": "SK", "after": null}]},
        ],
        "notes": ["environments.sandbox is still named by 3 accounts: no host serves it, and no keys can be made there"],
    });
    insta::assert_snapshot!(page(|out| plan::show(out, &plan)), @r"
    The platform `alpaca` changes from revision 3: 1 changed, 2 added

    ~ plans.standard
        requests_per_minute: 200 → 400
        note: nothing → x

    + hosts.paper         listen 127.0.0.1:7111, surface rest
    + hosts.live-trading  listen 127.0.0.1:7112

    - environments.sandbox  key_prefix SK

    ! environments.sandbox is still named by 3 accounts: no host serves it, and no keys can be
      made there
    ");
}

#[test]
fn tables_are_aligned_and_say_what_to_do_when_empty() {
    let rows = vec![vec!["PK1".to_owned(), "LIVE".to_owned()], vec!["PK1234".to_owned(), String::new()]];
    assert_eq!(
        page(|out| out.table(&["ID", "STATUS"], &rows, "none")),
        "ID      STATUS\nPK1     LIVE\nPK1234\n"
    );
    assert_eq!(page(|out| out.table(&["ID"], &[], "No key: make one")), "No key: make one\n");
}

#[test]
fn secrets_are_shown_with_a_word_of_warning() {
    let key = json!({
        "id": "PK1", "secret": "s3cr3t", "account": "a1", "partner": null, "environment": "paper", "label": "",
        "replaces": "PK0", "replaced_works_until": "2026-05-05T03:02:01Z",
    });
    insta::assert_snapshot!(page(|out| key::show(out, &key)), @r"
    Key id       PK1
    Secret       s3cr3t   (shown this once: keep it)
    Account      a1
    Environment  paper
    Replaces     PK0, which works until 2026-05-05 03:02:01Z
    ");
}

#[test]
fn what_a_server_refuses_is_said_with_its_hint() {
    let refused = fault::Refused {
        status: ::http::StatusCode::UNPROCESSABLE_ENTITY,
        problem: json!({"error": "invalid_value", "message": "two things are wrong", "hint": "did you mean `paper`?",
            "problems": [{"in_words": "7: hosts.paper.listen: no address"}]}),
        raw: String::new(),
    };
    assert_eq!(refused.to_string(), "two things are wrong\n  did you mean `paper`?");
    assert_eq!(refused.problems_in("a.toml"), ["a.toml:7: hosts.paper.listen: no address"]);
    let odd =
        fault::Refused { status: ::http::StatusCode::BAD_GATEWAY, problem: json!(null), raw: "oops".into() };
    assert_eq!(odd.to_string(), "the server answered 502 Bad Gateway: oops");
}

#[test]
fn only_plain_addresses_of_this_kind_of_server_are_taken() {
    use super::http::Server;
    assert!(!Server::at("http://127.0.0.1:7190").unwrap().is_remote());
    assert!(!Server::at("http://[::1]:7190/").unwrap().is_remote());
    assert!(Server::at("http://mandate.internal:7190").unwrap().is_remote());
    for bad in ["127.0.0.1:7190", "https://x:7190", "http://x/admin", "ftp://x", "", "http://x?y"] {
        assert!(Server::at(bad).is_err(), "{bad}");
    }
}
