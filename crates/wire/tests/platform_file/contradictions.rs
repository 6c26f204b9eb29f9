//! What every key allows alone and the file as a whole does not.

use super::edit::SAMPLE;
use crate::only;

#[test]
fn what_contradicts_is_said() {
    // what, by what, the text on the line that is at fault, the hint
    let cases = [
        ("code_lifetime_s = 600", "code_lifetime_s = 601", "code_lifetime_s", Some("600")),
        ("code_lifetime_s = 600", "code_lifetime_s = -1", "code_lifetime_s", Some("1")),
        ("requests_per_minute = 1000", "requests_per_minute = 0", "requests_per_minute = 0", Some("1")),
        ("listen = \"127.0.0.1:7112\"", "listen = \"127.0.0.1:7111\"", "<listen = \"127.0.0.1:7111\"", None),
        ("listen = \"127.0.0.1:7112\"", "listen = \"0.0.0.0:7113\"", "listen = \"127.0.0.1:7113\"", None),
        (
            "listen = \"127.0.0.1:7112\"",
            "listen = \"localhost:7112\"",
            "localhost:7112\"",
            Some("127.0.0.1:7112"),
        ),
        (
            "aliases = [\"localhost:7112\"]",
            "aliases = [\"localhost:7111\"]",
            "<aliases = [\"localhost:7111\"]",
            None,
        ),
        (
            "url = \"http://127.0.0.1:7112\"",
            "url = \"http://127.0.0.1:7112/v2\"",
            "7112/v2",
            Some("http://127.0.0.1:7112"),
        ),
        ("url = \"builtin:sample\"", "url = \"builtin:sampel\"", "sampel", Some("builtin:sample")),
        ("aliases = [\"localhost:7110\"]", "upstream = \"sample\"", "upstream = \"sample\"", None),
        ("key_prefix = \"AK\"", "key_prefix = \"PK\"", "<key_prefix = \"PK\"", None),
        ("key_prefix = \"AK\"", "key_prefix = \"ak-\"", "ak-", Some("AK")),
        ("[scopes.trading]", "[scopes.\"x y\"]\ntitle = \"x\"\n\n[scopes.trading]", "x y", Some("x:y")),
        (
            "[\"account:write\", \"trading\"]",
            "[\"general\", \"trading\"]",
            "[\"general\", \"trading\"]",
            None,
        ),
        ("delegated = \"deny\"", "delegated = \"allow\"", "unless_licence", None),
        ("access = \"public\"", "access = \"public\"\nscope = \"data\"", "scope = \"data\"", None),
        ("path = \"/v2/calendar\"", "path = \"/v2/calendar//\"", "/v2/calendar//", Some("/v2/calendar")),
        ("path = \"/v2/calendar\"", "path = \"/v2/clock\"", "<path = \"/v2/clock\"", None),
        (
            "path = \"/v2/calendar\"",
            "path = \"/v2/assets/{id}\"",
            "/v2/assets/{symbol}",
            Some("/v2/assets/{id}"),
        ),
        ("path = \"/v2/calendar\"", "path = \"/v2/a{x}b\"", "/v2/a{x}b", None),
        ("environments = [\"live\"]", "environments = []", "environments = []", Some("[\"paper\"]")),
        ("environments = [\"live\"]", "environments = [\"live\", \"live\"]", "\"live\", \"live\"", None),
        ("name = \"Sample Brokerage\"", "name = \"\"", "name = \"\"", Some("\"Sample Brokerage\"")),
        ("id = \"alpaca\"", "id = \"al paca\"", "al paca", Some("al-paca")),
        ("id = \"alpaca\"", "id = alpaca", "id = alpaca", Some("id = \"alpaca\"")),
    ];
    for (from, to, at, hint) in cases {
        let text = SAMPLE.replacen(from, to, 1);
        assert_ne!(text, SAMPLE, "{from}");
        let mut matching = text
            .lines()
            .enumerate()
            .filter(|(_, l)| l.contains(at.trim_start_matches('<')))
            .map(|(i, _)| i + 1);
        // `<`: the second of the lines that say it
        let line = if at.starts_with('<') { matching.nth(1) } else { matching.next() };
        let problem = only(&text, to);
        assert_eq!(
            (Some(problem.line as usize), problem.hint.as_deref().filter(|h| !h.starts_with("line "))),
            (line, hint),
            "{problem}"
        );
    }
}
