//! Words on a terminal: widths, wrapping, and values of JSON as people read them.

use serde_json::Value as Json;

/// Columns that running text fills.
const MEASURE: usize = 92;

/// Characters, which is columns for what we print.
pub(super) fn width(text: &str) -> usize {
    text.chars().count()
}

/// The text, filled up with spaces.
pub(super) fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Without characters that steer a terminal.
pub(super) fn tame(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// Running text in lines, each behind `indent` spaces.
pub(super) fn wrapped(text: &str, indent: usize) -> String {
    let (margin, mut out, mut column) = (" ".repeat(indent), String::new(), 0);
    for word in text.split_whitespace() {
        let fits = column > 0 && column + 1 + width(word) <= MEASURE;
        if fits {
            out.push(' ');
            column += 1;
        } else {
            if column > 0 {
                out.push('\n');
            }
            out.push_str(&margin);
            column = indent;
        }
        out.push_str(word);
        column += width(word);
    }
    out
}

/// `2026-05-04 03:02:01Z` for a time of the API.
pub(super) fn time(text: &str) -> String {
    match text.split_once('T') {
        Some((day, rest)) if day.len() == 10 && rest.ends_with('Z') => format!("{day} {rest}"),
        _ => text.to_owned(),
    }
}

/// A member as people read it: lists with spaces, yes and no, nothing for null and for what is not there.
pub(super) fn of(object: &Json, name: &str) -> String {
    value(object.get(name).unwrap_or(&Json::Null))
}

/// A value as people read it.
pub(super) fn value(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::Bool(flag) => if *flag { "yes" } else { "no" }.into(),
        Json::Number(number) => number.to_string(),
        Json::String(text) => time(text),
        Json::Array(items) => items.iter().map(self::value).collect::<Vec<_>>().join(" "),
        Json::Object(_) => value.to_string(),
    }
}

/// The objects of a list.
pub(super) fn items<'j>(object: &'j Json, name: &str) -> &'j [Json] {
    object.get(name).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// `3 things`, `1 thing`.
pub(super) fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_at_words() {
        let long = "word ".repeat(30);
        let lines = wrapped(&long, 2);
        assert!(lines.lines().all(|l| l.starts_with("  word") && width(l) <= MEASURE), "{lines}");
        assert_eq!(lines.split_whitespace().count(), 30);
        assert_eq!(wrapped("", 2), "");
    }

    #[test]
    fn r04_no_answer_steers_the_terminal() {
        assert_eq!(tame("a\u{1b}[2Jb\rc"), "a\u{fffd}[2Jb\u{fffd}c");
    }

    #[test]
    fn times_are_readable() {
        assert_eq!(time("2026-05-04T03:02:01Z"), "2026-05-04 03:02:01Z");
        assert_eq!(time("THE"), "THE");
    }
}
