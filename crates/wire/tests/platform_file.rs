//! Platform files: the shipped sample reads, every slip in it is found where it was made, and what is written reads
//! back.

mod platform_file {
    pub(crate) mod any;
    mod contradictions;
    pub(crate) mod edit;
}

use mandate_core::platform::{Delegated, Legacy, RouteAccess, Surface};
use mandate_core::{ProductId, Scope};
use mandate_wire::dialect::Dialects;
use mandate_wire::platform_file::{Problem, read, write};
use platform_file::any::any_platform;
use platform_file::edit::{Line, SAMPLE, lines, misspellings, without};
use proptest::prelude::*;

/// The one problem of a text that has one slip.
pub(crate) fn only(text: &str, what: &str) -> Problem {
    let mut problems = read(text, Dialects::shipped()).err().unwrap_or_default();
    let all: Vec<String> = problems.iter().map(|p| p.in_file("alpaca.toml")).collect();
    assert_eq!(problems.len(), 1, "{what}: {all:#?}");
    problems.remove(0)
}

/// Changes the sample at one line and expects the problem there.
fn slip(line: &Line, changed: &str, hint: Option<&str>) -> Problem {
    let what = format!("line {}: `{}` became `{changed}`", line.number, line.text);
    let problem = only(&line.replaced(changed), &what);
    assert_eq!(problem.line, line.number, "{what}: {problem}");
    if let Some(hint) = hint {
        assert_eq!(problem.hint.as_deref(), Some(hint), "{what}: {problem}");
    }
    problem
}

#[test]
fn the_sample_is_the_demos_platform() {
    let platform = read(SAMPLE, Dialects::shipped())
        .map_err(|p| p.iter().map(|p| p.in_file("alpaca.toml")).collect::<Vec<_>>())
        .unwrap();
    let ports: Vec<(&str, &str, Surface)> =
        platform.hosts.iter().map(|h| (&*h.name, &h.listen[10..], h.surface)).collect();
    assert_eq!(
        ports,
        [
            ("issuer", "7110", mandate_wire::dialect::alpaca::CONNECT),
            ("paper", "7111", mandate_wire::dialect::alpaca::REST),
            ("live", "7112", mandate_wire::dialect::alpaca::REST),
            ("data", "7113", mandate_wire::dialect::alpaca::REST),
            ("broker", "7114", mandate_wire::dialect::alpaca::BROKER),
        ]
    );
    let names: Vec<&str> = platform.partners.iter().map(|p| &*p.name).collect();
    assert_eq!(names, ["Sunrise Brokerage", "Dusk Brokerage"]);
    assert_eq!((platform.tokens.code_lifetime_s, platform.tokens.access_lifetime_s), (600, None));
    let route = |method: &str, path: &str| {
        platform.routes.iter().find(|r| *r.method == *method && *r.path == *path).unwrap()
    };
    assert_eq!(route("GET", "/v2/clock").access, RouteAccess::Public);
    assert_eq!(route("GET", "/v2/account").scope, None);
    let orders = route("POST", "/v2/orders");
    assert_eq!(orders.scope.as_ref().map(Scope::as_str), Some("trading"));
    assert_eq!(orders.product.as_ref().map(ProductId::as_str), Some("trading"));
    let bars = route("GET", "/v2/stocks/bars");
    assert_eq!(bars.scope.as_ref().map(Scope::as_str), Some("data"));
    let product = platform.products.iter().find(|p| Some(&p.id) == bars.product.as_ref()).unwrap();
    assert_eq!(product.delegated, Delegated::Deny { unless: Some("redistribution".into()) });
    let broker = route("GET", "/v1/accounts/{account_id}");
    assert_eq!((broker.access, broker.account_param.as_deref()), (RouteAccess::Partner, Some("account_id")));
}

#[test]
fn every_key_misspelt() {
    let (mut keys, mut tables, mut names, mut free) = (0, 0, 0, 0);
    for line in lines() {
        if let Some((key, _)) = line.key_value() {
            for wrong in misspellings(key) {
                slip(&line, &line.text.replacen(key, &wrong, 1), Some(key));
                keys += 1;
            }
        } else if let Some((table, name)) = line.header() {
            for wrong in misspellings(table) {
                slip(&line, &line.text.replacen(table, &wrong, 1), Some(table));
                tables += 1;
            }
            match (table, name) {
                (_, None) => {}
                // nothing else in the file says these names, so any spelling is right
                ("hosts" | "partners", Some(_)) => free += 1,
                (_, Some(name)) => {
                    for wrong in misspellings(name) {
                        slip(
                            &line,
                            &line.text.replacen(
                                &format!(".{}", line.quoted(name)),
                                &format!(".{}", line.quoted(&wrong)),
                                1,
                            ),
                            Some(name),
                        );
                        names += 1;
                    }
                }
            }
        }
    }
    println!("misspelt: {keys} keys, {tables} tables, {names} names; {free} names are free");
    assert!(keys > 600 && tables > 200 && names > 20);
}

#[test]
fn every_value_of_a_wrong_type() {
    let (mut count, mut restored) = (0, 0);
    for line in lines() {
        let Some((key, value)) = line.key_value() else { continue };
        let (expected, others): (&str, Vec<String>) = if value.starts_with('"') {
            ("a string", vec!["7".into(), "true".into(), format!("[{value}]"), "{ a = 1 }".into()])
        } else if value.starts_with('[') {
            let inner = value.trim_matches(['[', ']']).replace("\", \"", " ");
            ("an array of strings", vec![inner, "7".into(), "{ a = 1 }".into()])
        } else if value == "true" || value == "false" {
            ("a boolean", vec![format!("\"{value}\""), "7".into(), "[]".into()])
        } else {
            (
                "an integer",
                vec![format!("\"{value}\""), "true".into(), format!("{value}.5"), "{ a = 1 }".into()],
            )
        };
        for other in others {
            let problem = slip(&line, &format!("{key} = {other}"), None);
            assert!(problem.message.starts_with(&format!("expected {expected}, found ")), "{problem}");
            let hint = problem.hint.clone().unwrap_or_default();
            let kind = hint.parse::<toml_edit::Value>().unwrap().type_name();
            assert!(expected.contains(kind), "{expected}, but {kind}: {problem}");
            // what was only dressed up wrongly is given back
            if other.contains(value.trim_matches(['"', '[', ']'])) {
                assert_eq!(hint, value, "{problem}");
            }
            restored += usize::from(hint == value);
            count += 1;
        }
    }
    println!("wrong types: {count}, of which the hint is the original in {restored}");
    assert!(count > 600);
}

#[test]
fn every_table_of_a_wrong_type() {
    let mut count = 0;
    for line in lines() {
        let Some((table, name)) = line.header() else { continue };
        let header = line.text.split_once(" #").map_or(line.text, |(header, _)| header).trim();
        if table == "routes" {
            slip(&line, "[routes]", Some("[[routes]]"));
        } else {
            let hint = header.replace('"', "");
            let problem = slip(&line, &format!("[{header}]"), Some(&hint));
            assert_eq!(problem.message, "expected a table, found an array of tables", "{name:?}");
        }
        count += 1;
    }
    println!("tables of a wrong type: {count}");
    assert!(count > 60);
}

#[test]
fn every_reference_dangling() {
    const REFERENCES: [&str; 15] = [
        "issuer",
        "dialect",
        "default_plan",
        "surface",
        "environments",
        "upstream",
        "expands_to",
        "delegated",
        "unless_licence",
        "scopes",
        "plan",
        "method",
        "access",
        "scope",
        "product",
    ];
    let mut count = 0;
    for line in lines() {
        let Some((key, value)) = line.key_value() else { continue };
        if !REFERENCES.contains(&key) && key != "account_param" {
            continue;
        }
        for word in value.split('"').skip(1).step_by(2) {
            for wrong in misspellings(word) {
                slip(
                    &line,
                    &line.text.replacen(&format!("\"{word}\""), &format!("\"{wrong}\""), 1),
                    Some(word),
                );
                count += 1;
            }
        }
    }
    println!("dangling: {count}");
    assert!(count > 400);
}

#[test]
fn every_line_repeated() {
    let (mut keys, mut tables, mut entries) = (0, 0, 0);
    for line in lines() {
        let text = line.replaced(&format!("{0}\n{0}", line.text));
        let problem = only(&text, line.text);
        if line.text.starts_with("[[") {
            // entries may repeat; an empty one is what shows
            assert_eq!((problem.line, problem.message.as_str()), (line.number, "is empty"));
            entries += 1;
            continue;
        }
        assert_eq!(problem.line, line.number + 1, "{problem}");
        assert_eq!(problem.hint, Some(format!("line {}", line.number)));
        let (name, count) = match line.key_value() {
            Some((key, _)) => (key, &mut keys),
            None => (line.header().and_then(|(table, name)| name.or(Some(table))).unwrap(), &mut tables),
        };
        assert!(problem.key.ends_with(name), "{problem}");
        *count += 1;
    }
    println!("repeated: {keys} keys, {tables} tables, {entries} entries");
    assert!(keys > 200 && tables > 15 && entries > 50);
}

#[test]
fn every_required_key_missing() {
    const OPTIONAL: [&str; 17] = [
        "code_lifetime_s",
        "session_lifetime_s",
        "secrets_in_body",
        "non_expiring_tokens",
        "resettable",
        "needs_approval",
        "aliases",
        "expands_to",
        "unless_licence",
        "instead",
        "surface",
        "access",
        "scope",
        "product",
        "account_param",
        "upstream",
        "x",
    ];
    let mut count = 0;
    let mut header = 0;
    for line in lines() {
        let Some((key, _)) = line.key_value() else {
            header = line.number;
            continue;
        };
        if OPTIONAL.contains(&key) && !(key == "surface" && line.text.contains("connect")) {
            continue;
        }
        let problem = only(&line.replaced(""), line.text);
        assert_eq!((problem.line, problem.hint.as_deref()), (header, Some(key)), "{problem}");
        count += 1;
    }
    println!("missing: {count}");
    assert!(count > 150);
}

#[test]
fn all_problems_are_said_at_once() {
    let text = SAMPLE
        .replacen("issuer =", "isuer =", 1)
        .replacen("[hosts.paper]", "[hosts.paper]\n[hosts.paper]", 1)
        .replacen("= 43200", "= \"43200\"", 1)
        .replacen("upstream = \"sample\"", "upstream = \"smaple\"", 1)
        .replacen("[products.trading]", "[product.trading]", 1);
    let hints: Vec<_> = read(&text, Dialects::shipped())
        .unwrap_err()
        .into_iter()
        .map(|p| p.hint.unwrap_or_default())
        .collect();
    assert_eq!(hints, ["issuer", "43200", "line 46", "sample", "products"]);
}

#[test]
fn problems_are_said_in_plain_words() {
    let text = SAMPLE.replacen("listen =", "lsiten =", 1);
    let said = only(&text, "lsiten").in_file("platforms/alpaca.toml");
    assert_eq!(said, "platforms/alpaca.toml:41: hosts.issuer.lsiten: no such key; did you mean `listen`?");
    let twice = only(&SAMPLE.replacen("[tokens]", "[tokens]\n[tokens]", 1), "tokens").in_file("a.toml");
    assert_eq!(twice, "a.toml:19: tokens: stands twice, first on line 18");
}

#[test]
fn r19_pages_and_apis_share_no_origin() {
    let with_api =
        SAMPLE.replacen("surface = \"connect\"", "surface = \"connect\"\nupstream = \"sample\"", 1);
    let problem = only(&with_api, "an API behind the pages");
    assert_eq!((problem.line, problem.key.as_str()), (41, "hosts.issuer.upstream"), "{problem}");
    let same_origin = SAMPLE.replacen("aliases = [\"localhost:7111\"]", "aliases = [\"127.0.0.1:7110\"]", 1);
    let problem = only(&same_origin, "an API at the address of the pages");
    assert_eq!((problem.line, problem.hint.as_deref()), (50, Some("line 42")), "{problem}");
}

#[test]
fn no_text_is_a_panic() {
    for text in [
        "",
        "\u{feff}",
        "=",
        "[",
        "[platform",
        "a = \"",
        "[[platform]]",
        "platform = 1",
        "routes = [1, {}]",
        "hosts = { a = 1 }",
        "[hosts]\npaper = 5\npaper.x = 1",
        "x = 1\nx = 2\nx = 3",
        "[a]\n[a]\n[[a]]",
        "\"repeated key 0\" = 1",
        "platform.id = \"a\"\r\nplatform.id = \"ä\"\r\n",
    ] {
        let problems = read(text, Dialects::shipped()).unwrap_err();
        let lines = u32::try_from(text.lines().count()).unwrap().max(1);
        assert!(
            problems.iter().all(|p| p.line >= 1 && p.line <= lines && p.column >= 1),
            "{text:?}: {problems:?}"
        );
    }
}

#[test]
fn the_sample_is_written_and_read_back() {
    let platform = read(SAMPLE, Dialects::shipped()).unwrap();
    assert_eq!(read(&write(&platform), Dialects::shipped()).unwrap(), platform);
    let without_optional = without(
        SAMPLE,
        &["resettable", "needs_approval", "aliases", "[tokens]", "code_lifetime_s", "session_lifetime_s"],
    );
    let platform = read(&without_optional, Dialects::shipped()).unwrap();
    assert_eq!(platform.tokens.session_lifetime_s, 43_200);
    assert_eq!(read(&write(&platform), Dialects::shipped()).unwrap(), platform);
}

#[test]
fn what_is_allowed_of_older_times_stands_in_the_file_or_is_off() {
    let needed = Legacy { secrets_in_body: true, non_expiring_tokens: true, ..Legacy::default() };
    assert_eq!(read(SAMPLE, Dialects::shipped()).unwrap().legacy, needed);
    let begins = SAMPLE.find("[legacy]").unwrap();
    let ends = begins + SAMPLE[begins..].find("# Environments").unwrap();
    let without = [&SAMPLE[..begins], &SAMPLE[ends..]].concat();
    assert_eq!(read(&without, Dialects::shipped()).unwrap().legacy, Legacy::default());
    let one =
        without.replacen("[tokens]", "[legacy]\npassword_grant = true\nimplicit = false\n\n[tokens]", 1);
    let platform = read(&one, Dialects::shipped()).unwrap();
    assert_eq!(platform.legacy, Legacy { password_grant: true, ..Legacy::default() });
    assert_eq!(read(&write(&platform), Dialects::shipped()).unwrap(), platform);
    let slip = only(&one.replacen("password_grant", "pasword_grant", 1), "pasword_grant");
    assert_eq!(slip.hint.as_deref(), Some("password_grant"));
    let word = only(&one.replacen("= true\nimplicit", "= \"yes\"\nimplicit", 1), "\"yes\"");
    assert_eq!(word.hint.as_deref(), Some("true"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whatever_is_written_reads_back(platform in any_platform()) {
        let text = write(&platform);
        match read(&text, Dialects::shipped()) {
            Ok(back) => prop_assert_eq!(back, platform),
            Err(problems) => prop_assert!(false, "{problems:#?}\n{text}"),
        }
    }

    #[test]
    fn a_damaged_file_is_an_error_not_a_panic(at in 0..SAMPLE.len(), with in "[\\[\\]\"'{}=#.\n a-z0-9]{0,4}", gone in 0..40_usize) {
        let mut text = SAMPLE.to_owned();
        let end = (at + gone).min(text.len());
        text.replace_range(at..end, &with);
        let lines = u32::try_from(text.lines().count()).unwrap();
        for problem in read(&text, Dialects::shipped()).err().unwrap_or_default() {
            prop_assert!(problem.line >= 1 && problem.line <= lines, "{problem:?}");
        }
    }
}
