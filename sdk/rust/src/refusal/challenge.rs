//! Reads `WWW-Authenticate` (RFC 9110 section 11.6.1).

/// All parameters of all challenges in one header, names in lower case, in order.
pub(crate) fn parameters(header: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return found;
        }
        let (name, after) = rest.split_at(rest.find(['=', ' ', '\t', ',']).unwrap_or(rest.len()));
        let Some(value) = after.trim_start().strip_prefix('=') else {
            // A scheme, or something that nobody can read: skipped.
            rest = after;
            continue;
        };
        let value = value.trim_start();
        let (value, after) = if let Some(quoted) = value.strip_prefix('"') {
            quoted_text(quoted)
        } else {
            let end = value.find([',', ' ', '\t']).unwrap_or(value.len());
            (value[..end].to_owned(), &value[end..])
        };
        if !name.is_empty() {
            found.push((name.to_ascii_lowercase(), value));
        }
        rest = after;
    }
}

/// A quoted text from behind its opening quote, and what follows its closing one.
fn quoted_text(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::parameters;

    #[test]
    fn reads_several_challenges() {
        let read =
            parameters(r#"Basic realm="a, \"b\"", Bearer error="invalid_token" , Cause=token.expired"#);
        let read: Vec<_> = read.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(read, [("realm", "a, \"b\""), ("error", "invalid_token"), ("cause", "token.expired")]);
    }

    #[test]
    fn ends_on_anything() {
        for text in ["=", "=,=", "a=\"", "Bearer", "\"", "a = \"b", ",,, ", "é=\"ü\\"] {
            let _ends = parameters(text);
        }
    }
}
