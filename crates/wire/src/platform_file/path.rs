//! Path patterns of routes.

use super::address::Complaint;

/// Methods that a route may have.
pub(super) const METHODS: [(&str, &str); 7] = [
    ("GET", "GET"),
    ("POST", "POST"),
    ("PUT", "PUT"),
    ("PATCH", "PATCH"),
    ("DELETE", "DELETE"),
    ("HEAD", "HEAD"),
    ("OPTIONS", "OPTIONS"),
];

/// Checks a pattern and gives the names of its parameters.
pub(super) fn parameters(path: &str) -> Result<Vec<&str>, Complaint> {
    let complain = |message: &str, hint: Option<String>| Err((message.to_owned(), hint));
    if !path.starts_with('/') {
        return complain("a path begins with `/`", Some(format!("/{path}")));
    }
    if let Some(end) = path.find(['?', '#']) {
        return complain("a path ends before `?` and `#`", Some(path[..end].to_owned()));
    }
    if !path.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'%' | b'\\' | b'"' | b'<' | b'>')) {
        return complain("a path is printable ASCII without space, `%`, `\\`, `\"`, `<` and `>`", None);
    }
    if path == "/" {
        return Ok(Vec::new());
    }
    // With a slash at its end it is another path than without: some APIs have both, some the one (the gate forwards what came).
    let inner = path.strip_suffix('/').unwrap_or(path);
    let segments: Vec<&str> = inner[1..].split('/').collect();
    if segments.iter().any(|s| s.is_empty() || *s == "." || *s == "..") {
        let kept: Vec<&str> =
            segments.into_iter().filter(|s| !s.is_empty() && *s != "." && *s != "..").collect();
        return complain("a path has no empty segments, `.` or `..`", Some(format!("/{}", kept.join("/"))));
    }
    let mut names = Vec::new();
    for (index, segment) in segments.iter().enumerate() {
        if let Some(name) = segment.strip_prefix(':') {
            return complain(
                "a parameter is written in braces",
                Some(path.replacen(segment, &format!("{{{name}}}"), 1)),
            );
        }
        let Some(name) = parameter(segment, index + 1 == segments.len() && inner == path)? else { continue };
        if names.contains(&name) {
            return complain(&format!("the parameter `{name}` stands twice"), None);
        }
        names.push(name);
    }
    Ok(names)
}

fn parameter(segment: &str, last: bool) -> Result<Option<&str>, Complaint> {
    let Some(open) = segment.find(['{', '}']) else { return Ok(None) };
    let inside = segment[open..].strip_prefix('{').and_then(|s| s.strip_suffix('}'));
    let Some(inside) = inside.filter(|s| !s.contains(['{', '}'])) else {
        return Err((format!("`{segment}` is no parameter: one `{{name}}` at the end of its segment"), None));
    };
    let name = inside.strip_prefix('*').unwrap_or(inside);
    if inside.starts_with('*') && !(last && open == 0) {
        return Err((format!("`{{{inside}}}` stands for the whole rest, so only as the last segment"), None));
    }
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(word) {
        return Err((format!("`{name}` is no name of a parameter: letters, digits and `_`"), None));
    }
    Ok(Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        assert_eq!(parameters("/v2/orders:by_client_order_id"), Ok(vec![]));
        assert_eq!(parameters("/streaming/pricing/v1/"), Ok(vec![]));
        assert_eq!(parameters("/v1/accounts/{account_id}/{*rest}"), Ok(vec!["account_id", "rest"]));
        for (wrong, right) in [
            ("v2/account", Some("/v2/account")),
            ("/v2/account//", Some("/v2/account")),
            ("/v2//account", Some("/v2/account")),
            ("/v2/../account", Some("/v2/account")),
            ("/v2/account?x=1", Some("/v2/account")),
            ("/v2/orders/:id", Some("/v2/orders/{id}")),
            ("/v2/orders/{id", None),
            ("/v2/orders/{id}x", None),
            ("/v2/{*rest}/x", None),
            ("/v2/{id}/{id}", None),
            ("/v2/a b", None),
            ("/v2/%2e", None),
        ] {
            let (_, hint) = parameters(wrong).unwrap_err();
            assert_eq!(hint.as_deref(), right, "{wrong}");
        }
    }
}
