//! The sample is the manual; every slip in a configuration is found where it was made.

use super::source::variable;
use super::*;
use std::collections::HashMap;

const SAMPLE: &str = include_str!("../../../../mandate.sample.toml");

fn load_with(text: &str, variables: &[(&str, &str)]) -> Result<Config, Vec<Problem>> {
    let variables: HashMap<&str, &str> = variables.iter().copied().collect();
    read::read(Some(("mandate.toml", text)), &|name| variables.get(name).map(|v| (*v).to_owned()), true)
}
fn said(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    load_with(text, variables).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

#[test]
fn the_sample_shows_the_defaults() {
    assert_eq!(load_with(SAMPLE, &[]), Ok(Config::default()));
    assert_eq!(load(None, |_| None), Ok(Config::default()));
}

#[test]
fn the_sample_shows_every_key_with_its_variable() {
    // a new field of the struct does not compile here until it is in the list of keys
    let Config {
        data_dir: _,
        store: _,
        root_key_file: _,
        templates_dir: _,
        trusted_proxies: _,
        listen: _,
        admin,
        log,
        limits,
        tls,
        signing_keys,
        outbound,
    } = Config::default();
    let SigningKeys { rotate_s: _, publish_s: _ } = signing_keys;
    let OutboundConfig { ca_file: _, loopback: _ } = outbound;
    let Admin { listen: _, hosts: _ } = admin;
    let Logging { json: _, level: _ } = log;
    let Limits { max_connections: _, header_timeout_s: _, body_timeout_s: _, stop_s: _ } = limits;
    let Tls {
        certificate_file: _,
        key_file: _,
        asks_clients: _,
        client_ca_file: _,
        client_certificate_header: _,
        handshake_timeout_s: _,
        reload_s: _,
    } = tls;
    let mut shown = 0;
    for (table, keys) in keys::TABLES {
        let part = match table {
            "" => SAMPLE.split("\n[").next().unwrap(),
            name => SAMPLE.split(&format!("\n[{name}]\n")).nth(1).unwrap().split("\n[").next().unwrap(),
        };
        for key in keys {
            if keys::TABLES.iter().any(|(name, _)| *name == key.name)
                || (table.is_empty() && key.name == "listen")
            {
                assert!(SAMPLE.contains(&format!("\n[{}]\n", key.name)), "{}", key.name);
                continue;
            }
            let line = |l: &&str| l.trim_start_matches("# ").starts_with(&format!("{} = ", key.name));
            assert!(part.lines().any(|l| line(&l)), "{table}.{} is not in the sample", key.name);
            assert!(
                SAMPLE.contains(&variable(table, key.name)),
                "{} is not in the sample",
                variable(table, key.name)
            );
            shown += 1;
        }
    }
    assert!(SAMPLE.contains("MANDATE_LISTEN="));
    assert_eq!(shown, 25);
    for word in
        SAMPLE.split(|c: char| !(c.is_ascii_uppercase() || c == '_')).filter(|w| w.starts_with("MANDATE_"))
    {
        let known = |(table, keys): &(&str, &[mandate_wire::platform_file::Key])| {
            keys.iter().any(|key| variable(table, key.name) == word)
        };
        assert!(word == "MANDATE_CONFIG" || keys::TABLES.iter().any(known), "{word} does nothing");
    }
}

#[test]
fn what_stands_commented_in_the_sample_is_right_as_well() {
    let file = std::env::temp_dir().join(format!("mandate-config-{}", std::process::id()));
    std::fs::write(&file, "postgresql://mandate:secret@db/mandate\n").unwrap();
    let text: Vec<String> = (SAMPLE.lines())
        .map(|l| match l.strip_prefix("# ") {
            Some(l) if l.contains(" = \"") => {
                l.replace("/run/secrets/mandate-store-url", &file.display().to_string())
            }
            _ if l.starts_with("store = ") => String::new(),
            _ if l.starts_with("trusted_proxies = ") => "trusted_proxies = [\"10.0.0.0/8\"]".to_owned(),
            _ => l.to_owned(),
        })
        .collect();
    let config = load_with(&text.join("\n"), &[]);
    std::fs::remove_file(&file).unwrap();
    let config = config.unwrap();
    assert_eq!(config.store, "postgresql://mandate:secret@db/mandate");
    assert_eq!(config.templates_dir.as_deref(), Some(Path::new("/etc/mandate/templates")));
    assert_eq!(config.listen.get("127.0.0.1:7110").map(String::as_str), Some("127.0.0.1:8110"));
    let tls = &config.tls;
    assert_eq!(tls.key_file.as_deref(), Some(Path::new("/etc/mandate/tls/key.pem")));
    assert_eq!(tls.client_certificate_header, Some(HeaderName::from_static("client-cert")));
    // r04: nothing prints the password
    assert!(!format!("{config:?}").contains("secret"));
}

#[test]
fn the_environment_goes_before_the_file() {
    let variables = [
        ("MANDATE_DATA_DIR", "/srv/mandate"),
        ("MANDATE_STORE", "postgresql://mandate:secret@db/mandate"),
        ("MANDATE_ROOT_KEY_FILE", "/etc/mandate/key"),
        ("MANDATE_TEMPLATES_DIR", "/etc/mandate/pages"),
        ("MANDATE_TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.7"),
        ("MANDATE_LISTEN", "127.0.0.1:7110=127.0.0.1:8110"),
        ("MANDATE_ADMIN_LISTEN", "127.0.0.1:8190"),
        ("MANDATE_ADMIN_HOSTS", "admin.internal:8190"),
        ("MANDATE_LOG_FORMAT", "json"),
        ("MANDATE_LOG_LEVEL", "warn,mandate_gate=debug"),
        ("MANDATE_LIMITS_MAX_CONNECTIONS", "7"),
        ("MANDATE_LIMITS_HEADER_TIMEOUT_S", "8"),
        ("MANDATE_LIMITS_BODY_TIMEOUT_S", "9"),
        ("MANDATE_LIMITS_STOP_S", "0"),
        ("MANDATE_TLS_CERTIFICATE_FILE", "/tls/c.pem"),
        ("MANDATE_TLS_KEY_FILE", "/tls/k.pem"),
        ("MANDATE_TLS_CLIENT_CERTIFICATES", "off"),
        ("MANDATE_TLS_CLIENT_CA_FILE", "/tls/a.pem"),
        ("MANDATE_TLS_CLIENT_CERTIFICATE_HEADER", "X-Client"),
        ("MANDATE_TLS_HANDSHAKE_TIMEOUT_S", "3"),
        ("MANDATE_TLS_RELOAD_S", "0"),
        ("MANDATE_SIGNING_KEYS_ROTATE_S", "864000"),
        ("MANDATE_SIGNING_KEYS_PUBLISH_S", "86400"),
        ("MANDATE_OUTBOUND_CA_FILE", "/etc/mandate/authorities.pem"),
        ("MANDATE_OUTBOUND_LOOPBACK", "true"),
    ];
    let expected = Config {
        data_dir: "/srv/mandate".into(),
        store: "postgresql://mandate:secret@db/mandate".into(),
        root_key_file: "/etc/mandate/key".into(),
        templates_dir: Some("/etc/mandate/pages".into()),
        trusted_proxies: vec!["10.0.0.0/8".parse().unwrap(), "192.0.2.7/32".parse().unwrap()],
        listen: [("127.0.0.1:7110".to_owned(), "127.0.0.1:8110".to_owned())].into(),
        admin: Admin { listen: "127.0.0.1:8190".into(), hosts: vec!["admin.internal:8190".into()] },
        log: Logging { json: true, level: "warn,mandate_gate=debug".into() },
        limits: Limits { max_connections: 7, header_timeout_s: 8, body_timeout_s: 9, stop_s: 0 },
        tls: Tls {
            certificate_file: Some("/tls/c.pem".into()),
            key_file: Some("/tls/k.pem".into()),
            asks_clients: false,
            client_ca_file: Some("/tls/a.pem".into()),
            client_certificate_header: Some(HeaderName::from_static("x-client")),
            handshake_timeout_s: 3,
            reload_s: 0,
        },
        signing_keys: SigningKeys { rotate_s: 864_000, publish_s: 86_400 },
        outbound: OutboundConfig { ca_file: Some("/etc/mandate/authorities.pem".into()), loopback: true },
    };
    assert_eq!(load_with(SAMPLE, &variables), Ok(expected.clone()));
    assert_eq!(load_with("", &variables), Ok(expected));
    for (variable, wrong, right) in [
        ("MANDATE_LIMITS_STOP_S", "601", "must be 0 to 600; did you mean `600`?"),
        ("MANDATE_LIMITS_STOP_S", "soon", "expected an integer, found `soon`; did you mean `10`?"),
        (
            "MANDATE_LOG_LEVEL",
            "inof",
            "`inof` is no level: off, error, warn, info, debug or trace; did you mean `info`?",
        ),
        ("MANDATE_LISTEN", "127.0.0.1:7110", "`127.0.0.1:7110` has no `=`"),
        ("MANDATE_OUTBOUND_LOOPBACK", "yes", "expected true or false, found `yes`; did you mean `false`?"),
    ] {
        assert_eq!(said("", &[(variable, wrong)]), [format!("environment: {variable}: {right}")]);
    }
}

#[test]
fn keys_are_published_before_they_sign() {
    let message = "keys are published before they sign, so `publish_s` has to be less than `rotate_s`";
    let text = "[signing_keys]\nrotate_s = 86400\npublish_s = 86400";
    assert_eq!(said(text, &[]), [format!("mandate.toml:3: signing_keys.publish_s: {message}")]);
    assert_eq!(
        said("", &[("MANDATE_SIGNING_KEYS_ROTATE_S", "86400")]),
        [format!("environment: MANDATE_SIGNING_KEYS_ROTATE_S: {message}")]
    );
    assert!(load_with("[signing_keys]\nrotate_s = 0", &[]).is_ok(), "never by itself");
}

#[test]
fn what_depends_on_the_data_folder_follows_it() {
    let config = load_with("data_dir = \"/var/lib/mandate\"", &[]).unwrap();
    assert_eq!(config.store, "sqlite:/var/lib/mandate/mandate.db");
    assert_eq!(config.root_key_file, Path::new("/var/lib/mandate.key"));
}

#[test]
fn r01_the_key_lies_outside_data_and_database() {
    let expected =
        "the key must lie outside the data folder and the database's folder, or a copy of them opens itself";
    for (text, hint) in [
        ("root_key_file = \"mandate-data/key\"", "mandate-data.key"),
        ("root_key_file = \"./mandate-data/x/../key\"", "mandate-data.key"),
        ("store = \"sqlite:/srv/db/m.db\"\nroot_key_file = \"/srv/db/key\"", "mandate-data.key"),
        ("data_dir = \"/srv/m\"\nroot_key_file = \"/srv/m/key\"", "/srv/m.key"),
    ] {
        let line = text.lines().count();
        let said = said(text, &[]);
        assert_eq!(
            said,
            [format!("mandate.toml:{line}: root_key_file: {expected}; did you mean `{hint}`?")],
            "{text}"
        );
    }
    for text in ["data_dir = \".\"", "store = \"sqlite:m.db\""] {
        assert!(said(text, &[])[0].ends_with("; did you mean `root_key_file`?"), "{:?}", said(text, &[]));
    }
    assert!(load_with("data_dir = \".\"\nroot_key_file = \"/etc/mandate/key\"", &[]).is_ok());
}

#[test]
fn every_key_misspelt_or_of_a_wrong_type() {
    let mut count = 0;
    for (number, line) in (1_u32..).zip(SAMPLE.lines()) {
        let replaced = |by: &str| -> String {
            let lines: Vec<&str> =
                (1..).zip(SAMPLE.lines()).map(|(n, l)| if n == number { by } else { l }).collect();
            lines.join("\n")
        };
        let expect = |text: &str, at: u32, hint: &str| {
            let problems = load_with(text, &[]).unwrap_err();
            assert_eq!(problems.len(), 1, "{line}: {problems:?}");
            let problem = &problems[0].problem;
            assert_eq!((problem.line, problem.hint.as_deref()), (at, Some(hint)), "{line}: {problem}");
        };
        if let Some(table) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            expect(&replaced(&format!("[{}]", &table[1..])), number, table);
            expect(&replaced(&format!("{line}\n{line}")), number + 1, &format!("line {number}"));
            count += 2;
        }
        let Some((key, value)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) else { continue };
        expect(&replaced(&line.replacen(key, &key[1..], 1)), number, key);
        expect(&replaced(&format!("{line}\n{line}")), number + 1, &format!("line {number}"));
        if value.parse::<u64>().is_ok() {
            expect(&replaced(&format!("{key} = \"{value}\"")), number, value);
        } else if value != "[]" {
            expect(&replaced(&format!("{key} = [{value}]")), number, value);
        }
        count += 3;
    }
    assert!(count > 40, "{count}");
}

#[test]
fn values_are_judged() {
    for (text, right) in [
        ("store = \"sqlit:x.db\"", "did you mean `sqlite:x.db`?"),
        ("store = \"/srv/x.db\"", "did you mean `sqlite:/srv/x.db`?"),
        (
            "store = \"sqlite:db/m.db\"\nstore_url_file = \"x\"",
            "the store is named twice, here and by `store`",
        ),
        ("store = \"postgresql://u:p@h/d\"", "or set MANDATE_STORE; did you mean `store_url_file`?"),
        (
            "store_url_file = \"/nonexistent\"",
            "/nonexistent: cannot be read: No such file or directory (os error 2)",
        ),
        ("trusted_proxies = [\"10.1.0.0/8\"]", "has bits beyond its length; did you mean `10.0.0.0/8`?"),
        ("trusted_proxies = [\"localhost\"]", "did you mean `127.0.0.1`?"),
        ("[admin]\nlisten = \"localhost:7190\"", "did you mean `127.0.0.1:7190`?"),
        ("[admin]\nhosts = [\"http://admin:7190/\"]", "did you mean `admin:7190`?"),
        ("[log]\nformat = \"jsn\"", "`jsn` is no format: text or json; did you mean `json`?"),
        ("[log]\nlevel = \"info,mandate_gate=debgu\"", "did you mean `info,mandate_gate=debug`?"),
        ("[tls]\ncertificate_file = \"c.pem\"", "a certificate needs its key; did you mean `key_file`?"),
        ("[tls]\nkey_file = \"k.pem\"", "a key needs its certificate; did you mean `certificate_file`?"),
        ("[tls]\nclient_certificates = \"of\"", "`of` is neither ask nor off; did you mean `off`?"),
        (
            "trusted_proxies = [\"10.0.0.0/8\"]\n[tls]\nclient_certificate_header = \"Authorization\"",
            "`authorization` has another meaning; did you mean `client-cert`?",
        ),
        (
            "[tls]\nclient_certificate_header = \"client-cert\"",
            "counts from trusted proxies only, and there are none; did you mean `trusted_proxies`?",
        ),
        ("[listen]\n\"7110\" = \"127.0.0.1:8110\"", "did you mean `127.0.0.1:7110`?"),
        (
            "[listen]\n\"127.0.0.1:7110\" = 8110",
            "expected a string, found an integer; did you mean `\"127.0.0.1:8110\"`?",
        ),
    ] {
        let said = said(text, &[]);
        let line = text.lines().count();
        assert!(said.len() == 1 && said[0].ends_with(right), "{text}: {said:?}");
        assert!(said[0].starts_with(&format!("mandate.toml:{line}: ")), "{text}: {said:?}");
    }
}

#[test]
fn files_are_recognised_by_what_stands_in_them() {
    let folder = std::env::temp_dir().join(format!("mandate-check-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let files: [(&str, &[u8], Option<&str>, usize); 7] = [
        ("a.toml", include_bytes!("../../../../platforms/alpaca.toml"), Some("platform file"), 0),
        ("b.toml", SAMPLE.as_bytes(), Some("configuration"), 0),
        ("c.toml", b"[platfrom]\n", Some("platform file"), 10),
        ("d.toml", b"[limit]\nstop_s = 1\n", Some("configuration"), 1),
        ("e.toml", b"banana = 1\n", None, 1),
        ("f.toml", b"# \xff\n", None, 1),
        ("g.toml", b"x = [\n", None, 1),
    ];
    let mut paths: Vec<PathBuf> = Vec::new();
    for (name, content, _, _) in &files {
        paths.push(folder.join(name));
        std::fs::write(&paths[paths.len() - 1], content).unwrap();
    }
    paths.push(folder.join("missing.toml"));
    let checked = check_files(&paths);
    std::fs::remove_dir_all(&folder).unwrap();
    for ((name, _, kind, problems), checked) in files.iter().zip(&checked) {
        assert_eq!(
            (checked.kind, checked.problems.len()),
            (*kind, *problems),
            "{name}: {}",
            in_words(&checked.problems)
        );
        assert!(checked.file.ends_with(name));
    }
    assert!(in_words(&checked[7].problems).contains("missing.toml: cannot be read: "));
    assert_eq!(checked[5].problems[0].to_json()["line"], 1);
}
