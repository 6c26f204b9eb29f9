//! Values against their types.

use super::document::{Child, Document};
use super::problem::Spot;
use super::section::{Key, Kind, Text};
use toml_edit::{Item, Value};

/// A value of the right type.
pub(super) enum Held<'d> {
    Text(Text<'d>),
    Number(u64),
    Flag(bool),
    Texts(Vec<Text<'d>>),
    Pairs(Vec<(Text<'d>, Text<'d>)>),
    Tables(Vec<&'d Item>),
    /// Of the wrong type; already complained about.
    Wrong,
}

/// Takes what stands under a key for what the key may hold.
pub(super) fn hold<'d>(doc: &'d Document, key: &Key, child: &Child<'d>) -> Held<'d> {
    if let Kind::Entries = key.kind {
        return entries(doc, child);
    }
    for (again, _) in &child.again {
        doc.report_twice(again, "stands twice, first", &child.spot);
    }
    let Some(item) = child.items.first() else { return Held::Wrong };
    let spot = doc.value_spot(item, &child.spot);
    let wrong = |expected: &str, hint: String| {
        doc.report(&spot, format!("expected {expected}, found {}", a(item.type_name())), Some(hint));
        Held::Wrong
    };
    match (key.kind, item) {
        (Kind::Text(example), Item::Value(Value::String(text))) => {
            let text = Text { text: text.value(), spot };
            if plain(doc, &text, example) { Held::Text(text) } else { Held::Wrong }
        }
        (Kind::Text(example), _) => wrong("a string", as_text(item, example)),
        (Kind::Number { from, to, .. }, Item::Value(Value::Integer(number))) => {
            let number = *number.value();
            if let Some(number) = u64::try_from(number).ok().filter(|n| (from..=to).contains(n)) {
                return Held::Number(number);
            }
            let nearest = if number < i64::try_from(from).unwrap_or(i64::MAX) { from } else { to };
            doc.report(&spot, format!("must be {from} to {to}"), Some(nearest.to_string()));
            Held::Wrong
        }
        (Kind::Number { from, to, example }, _) => wrong("an integer", as_number(item, from, to, example)),
        (Kind::Flag, Item::Value(Value::Boolean(flag))) => Held::Flag(*flag.value()),
        (Kind::Flag, _) => wrong("a boolean", as_flag(item)),
        (Kind::Texts { least, example }, Item::Value(Value::Array(array))) => {
            texts(doc, array, &spot, least, example)
        }
        (Kind::Texts { example, .. }, _) => wrong("an array of strings", as_texts(item, example)),
        (Kind::Pairs(_, example), _) if item.is_table_like() => pairs(doc, child, example),
        (Kind::Pairs(left, right), _) => wrong("a table", format!("{{ {} = {} }}", toml(left), toml(right))),
        (Kind::Section | Kind::Sections, _) if item.is_table_like() => Held::Tables(child.items.clone()),
        (Kind::Section, _) => wrong("a table", format!("[{}]", child.spot.key)),
        (Kind::Sections, _) => wrong("tables with names", format!("[{}.NAME]", child.spot.key)),
        (Kind::Entries, _) => Held::Wrong,
    }
}

/// `[[key]]` may stand many times; a `[key]` among them is the mistake, wherever it stands.
fn entries<'d>(doc: &'d Document, child: &Child<'d>) -> Held<'d> {
    let spots = std::iter::once(&child.spot).chain(child.again.iter().map(|(spot, _)| spot));
    for (spot, item) in spots.zip(&child.items) {
        let array = item.is_array_of_tables() || item.as_array().is_some();
        if !array {
            let message = format!("expected an array of tables, found {}", a(item.type_name()));
            doc.report(&doc.header_spot(item, spot), message, Some(format!("[[{}]]", child.spot.key)));
        }
    }
    Held::Tables(child.items.clone())
}

fn texts<'d>(
    doc: &'d Document,
    array: &'d toml_edit::Array,
    spot: &Spot,
    least: usize,
    example: &'static str,
) -> Held<'d> {
    let mut texts: Vec<Text<'d>> = Vec::new();
    for (index, value) in array.iter().enumerate() {
        let spot = doc.element_spot(value, index, spot);
        let Some(text) = value.as_str() else {
            let found = a(value.type_name());
            doc.report(
                &spot,
                format!("expected a string, found {found}"),
                Some(as_text(&Item::Value(value.clone()), example)),
            );
            continue;
        };
        let text = Text { text, spot };
        if let Some(first) = texts.iter().find(|t| t.text == text.text) {
            doc.report_twice(&text.spot, &format!("`{}` stands twice, first", text.text), &first.spot);
        } else if plain(doc, &text, example) {
            texts.push(text);
        }
    }
    if array.len() < least {
        doc.report(spot, format!("needs at least {least}"), Some(format!("[{}]", toml(example))));
    }
    Held::Texts(texts)
}

fn pairs<'d>(doc: &'d Document, child: &Child<'d>, example: &'static str) -> Held<'d> {
    // a further one has been complained about
    let tables: Vec<_> = child.items.first().and_then(|i| i.as_table_like()).into_iter().collect();
    let mut pairs = Vec::new();
    for pair in doc.children(&tables, &child.spot.key) {
        let key = Key::required("", Kind::Text(example));
        if let Held::Text(right) = hold(doc, &key, &pair) {
            pairs.push((Text { text: pair.name, spot: pair.spot }, right));
        }
    }
    Held::Pairs(pairs)
}

/// Empty strings and control characters are never meant.
fn plain(doc: &Document, text: &Text<'_>, example: &str) -> bool {
    let message = match text.text {
        "" => "must not be empty",
        t if t.chars().any(char::is_control) => "holds a line break or another control character",
        t if t.len() > 1000 => "is longer than 1000 bytes",
        _ => return true,
    };
    doc.report(&text.spot, message, Some(toml(example)));
    false
}

/// A string as it stands in a file.
pub(super) fn toml(text: &str) -> String {
    Value::from(text).to_string()
}

/// With its article.
pub(super) fn a(type_name: &str) -> String {
    let article = if type_name.starts_with(['a', 'i']) { "an" } else { "a" };
    format!("{article} {type_name}")
}

/// The one string that a value holds.
fn only_text(item: &Item) -> Option<&str> {
    match item.as_array().map(|array| array.iter().collect::<Vec<_>>()).as_deref() {
        Some([one]) => one.as_str(),
        _ => item.as_str(),
    }
}

fn as_text(item: &Item, example: &str) -> String {
    toml(only_text(item).filter(|t| !t.is_empty()).unwrap_or(example))
}

fn as_number(item: &Item, from: u64, to: u64, example: u64) -> String {
    if let Some(number) = item.as_float() {
        let whole = number.trunc().to_string();
        return whole.parse().ok().filter(|n| (from..=to).contains(n)).unwrap_or(example).to_string();
    }
    let digits: String =
        item.as_str().unwrap_or_default().chars().take_while(|c| c.is_ascii_digit() || *c == '_').collect();
    let meant = digits.replace('_', "").parse().ok().filter(|n| (from..=to).contains(n));
    meant.unwrap_or(example).to_string()
}

fn as_flag(item: &Item) -> String {
    let no =
        matches!(item.as_str().map(str::to_ascii_lowercase).as_deref(), Some("false" | "no" | "off" | "0"))
            || item.as_integer() == Some(0);
    (!no).to_string()
}

fn as_texts(item: &Item, example: &str) -> String {
    let given = item.as_str().unwrap_or_default();
    let words: Vec<String> = given.split([',', ' ']).filter(|w| !w.is_empty()).map(toml).collect();
    if words.is_empty() { format!("[{}]", toml(example)) } else { format!("[{}]", words.join(", ")) }
}
