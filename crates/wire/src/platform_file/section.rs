//! Tables read by a list of their keys: what is unknown, repeated, missing or of the wrong type is noted with its
//! line and the nearest right thing, and reading goes on as if that had been written.

use super::document::{Child, Document, join};
use super::nearest::{choice, nearest};
use super::problem::Spot;
use super::value::{Held, a, hold};
use toml_edit::{Item, TableLike, Value};

/// What a key may hold.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A string; with an example.
    Text(&'static str),
    /// An integer within bounds; with an example.
    Number {
        /// The least.
        from: u64,
        /// The greatest.
        to: u64,
        /// What one would write.
        example: u64,
    },
    /// A boolean.
    Flag,
    /// An array of strings; with an example of one.
    Texts {
        /// So many at least.
        least: usize,
        /// What one element would be.
        example: &'static str,
    },
    /// A table of strings whose keys are free; with an example.
    Pairs(&'static str, &'static str),
    /// `[key]`.
    Section,
    /// `[key.NAME]`, any number.
    Sections,
    /// `[[key]]`, any number.
    Entries,
}

/// A key that a table may have.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// As it is written.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it must be there.
    pub required: bool,
}

impl Key {
    /// A key that must be there.
    pub const fn required(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, required: true }
    }
    /// A key that may be left out.
    pub const fn optional(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, required: false }
    }
    fn many(&self) -> bool {
        matches!(self.kind, Kind::Sections | Kind::Entries)
    }
}

/// A string of the file with its place.
#[derive(Clone, Debug)]
pub struct Text<'d> {
    /// The string.
    pub text: &'d str,
    /// Where it stands.
    pub spot: Spot,
}

struct Field<'d> {
    key: &'static str,
    spot: Spot,
    held: Held<'d>,
}

/// A table that was read.
pub struct Section<'d> {
    /// The file.
    pub doc: &'d Document,
    /// Its header.
    pub spot: Spot,
    fields: Vec<Field<'d>>,
}

impl std::fmt::Debug for Section<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Section({:?})", self.spot)
    }
}

impl<'d> Section<'d> {
    /// Reads the top of a file.
    pub fn root(doc: &'d Document, keys: &'static [Key]) -> Self {
        Self::open(doc, &[doc.root()], doc.spot(0, String::new()), keys)
    }

    fn open(doc: &'d Document, tables: &[&'d dyn TableLike], spot: Spot, keys: &'static [Key]) -> Self {
        let path = spot.key.clone();
        let (known, unknown): (Vec<_>, Vec<_>) =
            doc.children(tables, &path).into_iter().partition(|c| keys.iter().any(|k| k.name == c.name));
        let mut fields: Vec<(&'static Key, Child<'d>)> = Vec::new();
        for child in known {
            if let Some(key) = keys.iter().find(|k| k.name == child.name) {
                fields.push((key, child));
            }
        }
        for mut child in unknown {
            let absent = keys.iter().filter(|k| fields.iter().all(|(f, _)| f.name != k.name));
            let meant = nearest(child.name, absent.map(|k| k.name))
                .or_else(|| nearest(child.name, keys.iter().filter(|k| k.many()).map(|k| k.name)));
            let (what, list) = if path.is_empty() { ("section", "sections") } else { ("key", "keys") };
            let known = || choice(keys.iter().map(|k| k.name)).replace(" or ", " and ");
            let message = match meant {
                Some(_) => format!("no such {what}"),
                None => format!("no such {what}; the {list} here are {}", known()),
            };
            doc.report(&child.spot, message, meant.map(str::to_owned));
            let Some(key) = keys.iter().find(|k| Some(k.name) == meant) else { continue };
            child.spot.key = join(&path, key.name);
            match fields.iter_mut().find(|(f, _)| f.name == key.name) {
                Some((_, there)) => there.items.append(&mut child.items),
                None => fields.push((key, child)),
            }
        }
        for key in keys.iter().filter(|k| k.required && fields.iter().all(|(f, _)| f.name != k.name)) {
            let hint = if path.is_empty() { format!("[{}]", key.name) } else { key.name.to_owned() };
            doc.report(&spot, format!("`{}` is missing", key.name), Some(hint));
        }
        let fields = fields
            .into_iter()
            .map(|(key, child)| Field { key: key.name, held: hold(doc, key, &child), spot: child.spot })
            .collect();
        Self { doc, spot, fields }
    }

    fn held(&self, key: &str) -> Option<&Held<'d>> {
        self.fields.iter().find(|f| f.key == key).map(|f| &f.held)
    }
    /// Whether the key is there, right or wrong.
    pub fn has(&self, key: &str) -> bool {
        self.held(key).is_some()
    }
    /// Where the key stands, or else the header.
    pub fn key_spot(&self, key: &str) -> Spot {
        self.fields.iter().find(|f| f.key == key).map_or_else(|| self.spot.clone(), |f| f.spot.clone())
    }
    /// A string; `None` when absent or already complained about.
    pub fn text(&self, key: &str) -> Option<Text<'d>> {
        match self.held(key) {
            Some(Held::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }
    /// The words of a string, or nothing.
    pub fn words(&self, key: &str) -> &'d str {
        self.text(key).map_or("", |t| t.text)
    }
    /// A number; `None` when absent or already complained about.
    pub fn number(&self, key: &str) -> Option<u64> {
        match self.held(key) {
            Some(Held::Number(number)) => Some(*number),
            _ => None,
        }
    }
    /// A boolean; `None` when absent or already complained about.
    pub fn flag(&self, key: &str) -> Option<bool> {
        match self.held(key) {
            Some(Held::Flag(flag)) => Some(*flag),
            _ => None,
        }
    }
    /// Strings of an array, those that are right.
    pub fn texts(&self, key: &str) -> Vec<Text<'d>> {
        match self.held(key) {
            Some(Held::Texts(texts)) => texts.clone(),
            _ => Vec::new(),
        }
    }
    /// Keys and strings of a table whose keys are free.
    pub fn pairs(&self, key: &str) -> Vec<(Text<'d>, Text<'d>)> {
        match self.held(key) {
            Some(Held::Pairs(pairs)) => pairs.clone(),
            _ => Vec::new(),
        }
    }
    fn items(&self, key: &str) -> (&[&'d Item], Spot) {
        match self.fields.iter().find(|f| f.key == key) {
            Some(Field { held: Held::Tables(items), spot, .. }) => (items, spot.clone()),
            _ => (&[], self.spot.clone()),
        }
    }

    /// The table `[key]`.
    pub fn section(&self, key: &str, keys: &'static [Key]) -> Option<Section<'d>> {
        let (items, spot) = self.items(key);
        let first = items.first()?;
        let tables: Vec<_> = items.iter().filter_map(|i| i.as_table_like()).collect();
        let header = Spot { key: spot.key.clone(), ..self.doc.header_spot(first, &spot) };
        Some(Section::open(self.doc, &tables, header, keys))
    }

    /// The tables `[key.NAME]` with their names, in the order of the file.
    pub fn sections(&self, key: &str, keys: &'static [Key]) -> Vec<(Text<'d>, Section<'d>)> {
        let (items, spot) = self.items(key);
        let tables: Vec<_> = items.iter().filter_map(|i| i.as_table_like()).collect();
        let mut sections = Vec::new();
        for child in self.doc.children(&tables, &spot.key) {
            let name = Text { text: child.name, spot: child.spot.clone() };
            for (again, _) in &child.again {
                self.doc.report_twice(again, "stands twice, first", &child.spot);
            }
            let tables: Vec<_> = child.items.iter().filter_map(|i| i.as_table_like()).collect();
            if let [first, ..] = child.items[..]
                && !tables.is_empty()
            {
                let header = Spot { key: child.spot.key.clone(), ..self.doc.header_spot(first, &child.spot) };
                sections.push((name, Section::open(self.doc, &tables, header, keys)));
            } else {
                let found = child.items[0].type_name();
                let hint = format!("[{}]", child.spot.key);
                self.doc.report(&child.spot, format!("expected a table, found {}", a(found)), Some(hint));
                // the name counts as given: what refers to it is right
                sections.push((name, Section { doc: self.doc, spot: child.spot, fields: Vec::new() }));
            }
        }
        sections
    }

    /// The tables `[[key]]` in the order of the file.
    pub fn entries(&self, key: &str, keys: &'static [Key]) -> Vec<Section<'d>> {
        let (items, spot) = self.items(key);
        let mut entries: Vec<(&'d dyn TableLike, Spot)> = Vec::new();
        for item in items {
            match item {
                Item::ArrayOfTables(array) => {
                    for table in array {
                        let at = table
                            .span()
                            .map_or_else(|| spot.clone(), |s| self.doc.spot(s.start, String::new()));
                        entries.push((table, at));
                    }
                }
                Item::Value(Value::Array(array)) => {
                    for (index, value) in array.iter().enumerate() {
                        let at = self.doc.element_spot(value, index, &spot);
                        if let Some(table) = value.as_inline_table() {
                            entries.push((table, at));
                        } else {
                            let message = format!("expected a table, found {}", a(value.type_name()));
                            self.doc.report(&at, message, Some(format!("[[{key}]]")));
                        }
                    }
                }
                _ => {}
            }
        }
        let mut sections = Vec::new();
        for (index, (table, at)) in entries.into_iter().enumerate() {
            let header = Spot { key: format!("{}[{}]", spot.key, index + 1), ..at };
            match keys.first() {
                Some(first) if table.is_empty() => {
                    self.doc.report(&header, "is empty", Some(first.name.to_owned()));
                }
                _ => sections.push(Section::open(self.doc, &[table], header, keys)),
            }
        }
        sections
    }
}
