//! The templates: embedded, overridable by the operator one by one, always escaping (SECURITY R4, R19).

use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};
use std::path::Path;

macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        /// Every template with its embedded text.
        pub(super) const TEMPLATES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../ui/templates/", $name))),)*];
    };
}

templates![
    "apps.html",
    "base.html",
    "cause.html",
    "causes.html",
    "consent.html",
    "device.html",
    "device_done.html",
    "error.html",
    "error_page.html",
    "explain.html",
    "form_post.html",
    "home.html",
    "key_made.html",
    "keys.html",
    "login.html",
    "logout.html",
    "parts.html",
    "password.html",
    "sessions.html",
    "signed_out.html",
];

/// The one stylesheet.
pub(super) const STYLE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../ui/static/style.css"));
/// The mark in the browser's tab.
pub(super) const ICON: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../ui/static/icon.svg"));
/// Steps that one page may take: some hundred times what the longest one needs.
const FUEL: u64 = 2_000_000;

/// The environment that renders pages. A file of a template's name in `overrides` takes its place.
///
/// # Errors
/// A template cannot be read, or is not well-formed: names template and line.
pub fn environment(overrides: Option<&Path>) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    // No template can switch escaping off: there is no `safe`, and an `autoescape` block changes nothing.
    environment.remove_filter("safe");
    environment.set_formatter(|out, _state, value| write_escaped(out, value));
    environment.add_global("style", format!("/static/style.css?v={}", version(STYLE)));
    for (name, embedded) in TEMPLATES {
        let file = overrides.map(|folder| folder.join(name)).filter(|file| file.is_file());
        let source = match file {
            None => (*embedded).to_owned(),
            Some(file) => std::fs::read_to_string(&file).map_err(|e| {
                Error::new(ErrorKind::TemplateNotFound, format!("{} cannot be read", file.display()))
                    .with_source(e)
            })?,
        };
        environment.add_template_owned(*name, source)?;
    }
    Ok(environment)
}

/// Changes with a file, so that browsers may keep it.
pub(super) fn version(file: &str) -> String {
    mandate_core::format::hex(&mandate_core::Digest::of(file.as_bytes()).as_bytes()[..8])
}

fn write_escaped(out: &mut minijinja::Output<'_>, value: &Value) -> Result<(), Error> {
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    if value.is_none() {
        return Ok(());
    }
    let text = value.to_string();
    if value.is_safe() {
        // made by a macro or block of ours, from parts that were escaped
        return out.write_str(&text).map_err(Error::from);
    }
    let mut rest = text.as_str();
    while let Some(at) = rest.find(['<', '>', '&', '"', '\'']) {
        out.write_str(&rest[..at])?;
        out.write_str(match rest.as_bytes()[at] {
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'&' => "&amp;",
            b'"' => "&quot;",
            _ => "&#x27;",
        })?;
        rest = &rest[at + 1..];
    }
    out.write_str(rest)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use minijinja::context;

    const HOSTILE: &str = "<script>'\"&";
    const ESCAPED: &str = "&lt;script&gt;&#x27;&quot;&amp;";

    #[test]
    fn r19_templates_cannot_switch_escaping_off() {
        let environment = environment(None).unwrap();
        for source in [
            "{{ x }}",
            "{% autoescape false %}{{ x }}{% endautoescape %}",
            "{% autoescape 'none' %}{{ x }}{% endautoescape %}",
            "{% set y = x ~ '' %}{{ y }}",
            "{% macro m(v) %}{{ v }}{% endmacro %}{{ m(x) }}",
        ] {
            let rendered = environment.render_str(source, context! { x => HOSTILE });
            assert!(rendered.as_deref().is_ok_and(|r| r == ESCAPED), "{source}: {rendered:?}");
        }
        assert!(environment.render_str("{{ x|safe }}", context! { x => HOSTILE }).is_err());
        let twice =
            "{% autoescape false %}{% macro m(v) %}{{ v }}{% endmacro %}{{ m(x) }}{% endautoescape %}";
        let rendered = environment.render_str(twice, context! { x => HOSTILE }).unwrap();
        assert!(!rendered.contains('<'), "{rendered}");
    }

    #[test]
    fn r19_fuel_is_limited_and_undefined_is_an_error() {
        let environment = environment(None).unwrap();
        let endless = "{% for a in range(9000) %}{% for b in range(9000) %}x{% endfor %}{% endfor %}";
        assert_eq!(environment.render_str(endless, ()).unwrap_err().kind(), ErrorKind::OutOfFuel);
        assert_eq!(
            environment.render_str("{{ missing }}", ()).unwrap_err().kind(),
            ErrorKind::UndefinedError
        );
    }

    #[test]
    fn an_operator_can_replace_one_template() {
        let folder = std::env::temp_dir().join(format!("mandate-templates-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("signed_out.html"), "ours").unwrap();
        let replaced = environment(Some(&folder)).unwrap();
        assert_eq!(replaced.get_template("signed_out.html").unwrap().render(()).unwrap(), "ours");
        std::fs::write(folder.join("signed_out.html"), "{% if %}").unwrap();
        assert_eq!(environment(Some(&folder)).unwrap_err().name(), Some("signed_out.html"));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn no_template_holds_scripts_or_foreign_addresses() {
        for (name, text) in TEMPLATES {
            // the one script that the policy of its page lets run
            let script = format!("<script>{}</script>", crate::pages::reply::SUBMIT);
            assert_eq!(text.contains(&script), *name == "form_post.html", "{name}");
            let text = text.replace(&script, "");
            for forbidden in ["<script", "style=", "onclick", "http://", "https://", "|safe", "autoescape"] {
                assert!(!text.contains(forbidden), "{name}: {forbidden}");
            }
        }
    }
}
