//! A TOML text with places, and the problems found in it so far.

use super::problem::{Problem, Spot};
use std::cell::RefCell;
use toml_edit::{Item, TableLike, Value};

/// A repeated key is renamed to this and a number, so that the rest of the file can be read and judged too.
const MARK: &str = "repeated key ";
/// So many repeated keys are found; then the next one ends the reading.
const MOST_REPEATED: usize = 200;

/// A file that is TOML.
#[derive(Debug)]
pub struct Document {
    tree: toml_edit::Document<String>,
    line_starts: Vec<usize>,
    /// Original names of keys that were renamed.
    repeated: Vec<String>,
    problems: RefCell<Vec<Problem>>,
}

/// A key of a table with all that stands under it.
pub(super) struct Child<'d> {
    pub(super) name: &'d str,
    pub(super) spot: Spot,
    pub(super) items: Vec<&'d Item>,
    /// Later places where the same key stands.
    pub(super) again: Vec<(Spot, &'d Item)>,
}

impl Document {
    /// Parses TOML.
    ///
    /// # Errors
    /// The first place where the text is no TOML. Repeated keys are no error here; they are found when the tables
    /// that hold them are read.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let mut text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        let mut repeated = Vec::new();
        loop {
            let error = match toml_edit::Document::parse(text.clone()) {
                Ok(tree) => {
                    let line_starts = line_starts(&text);
                    return Ok(Self { tree, line_starts, repeated, problems: RefCell::default() });
                }
                Err(error) => error,
            };
            let span = error.span().unwrap_or(0..0);
            if error.message().starts_with("duplicate key")
                && !span.is_empty()
                && repeated.len() < MOST_REPEATED
            {
                repeated.push(text[span.clone()].trim_matches(['"', '\'']).to_owned());
                text.replace_range(span, &format!("\"{MARK}{}\"", repeated.len() - 1));
            } else {
                return Err(syntax(&text, span.start, error.message()));
            }
        }
    }

    pub(super) fn root(&self) -> &dyn TableLike {
        self.tree.as_table()
    }
    pub(super) fn text(&self) -> &str {
        self.tree.raw()
    }
    pub(super) fn spot(&self, offset: usize, key: String) -> Spot {
        place(self.text(), &self.line_starts, offset, key)
    }
    /// Where a value stands.
    pub(super) fn value_spot(&self, item: &Item, key: &Spot) -> Spot {
        item.span().map_or_else(|| key.clone(), |span| self.spot(span.start, key.key.clone()))
    }
    /// Where an element of an array stands.
    pub(super) fn element_spot(&self, value: &Value, index: usize, array: &Spot) -> Spot {
        let key = format!("{}[{}]", array.key, index + 1);
        value.span().map_or_else(|| array.clone(), |span| self.spot(span.start, key))
    }
    /// Where a table begins: its header, or its key where it has none.
    pub(super) fn header_spot(&self, item: &Item, key: &Spot) -> Spot {
        match item {
            Item::Table(table) if table.is_implicit() || table.is_dotted() => key.clone(),
            _ => self.value_spot(item, key),
        }
    }

    /// What stands directly in these tables, repeated keys gathered under the first.
    pub(super) fn children<'d>(&'d self, tables: &[&'d dyn TableLike], path: &str) -> Vec<Child<'d>> {
        let mut children: Vec<Child<'d>> = Vec::new();
        let all =
            tables.iter().flat_map(|&table| table.iter().map(move |(written, item)| (table, written, item)));
        for (table, written, item) in all {
            let name = self.original(written);
            let offset =
                table.get_key_value(written).and_then(|(key, _)| key.span()).map_or(0, |span| span.start);
            let spot = self.spot(offset, join(path, name));
            match children.iter_mut().find(|c| c.name == name) {
                Some(first) => {
                    first.again.push((spot, item));
                    first.items.push(item);
                }
                None => children.push(Child { name, spot, items: vec![item], again: Vec::new() }),
            }
        }
        children
    }

    fn original<'d>(&'d self, written: &'d str) -> &'d str {
        let index = written.strip_prefix(MARK).and_then(|n| n.parse::<usize>().ok());
        index.and_then(|i| self.repeated.get(i)).map_or(written, String::as_str)
    }

    /// How often a name stands in the file as a word of its own, comments included.
    pub(super) fn occurrences(&self, name: &str) -> usize {
        let inside = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        let text = self.text();
        let alone = |at: usize| {
            !text[..at].chars().next_back().is_some_and(inside)
                && !text[at + name.len()..].chars().next().is_some_and(inside)
        };
        text.match_indices(name).filter(|(at, _)| alone(*at)).count()
    }

    /// Notes a problem.
    pub fn report(&self, spot: &Spot, message: impl Into<String>, hint: Option<String>) {
        self.problems.borrow_mut().push(Problem::new(spot, message.into(), hint));
    }
    /// Notes that something stands twice.
    pub fn report_twice(&self, second: &Spot, message: &str, first: &Spot) {
        self.report(
            second,
            format!("{message} on line {}", first.line),
            Some(format!("line {}", first.line)),
        );
    }
    /// The keys at the top of the file.
    pub fn top_keys(&self) -> Vec<&str> {
        self.children(&[self.root()], "").into_iter().map(|child| child.name).collect()
    }
    /// The problems in the order of the file.
    pub fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|p| (p.line, p.column));
        problems.dedup();
        problems
    }
}

/// The dotted path of a key.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

fn place(text: &str, line_starts: &[usize], offset: usize, key: String) -> Spot {
    let line = line_starts.partition_point(|start| *start <= offset).max(1);
    let column = text.get(line_starts[line - 1]..offset).map_or(1, |before| before.chars().count() + 1);
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Spot { line: number(line), column: number(column), key }
}

fn syntax(text: &str, offset: usize, message: &str) -> Problem {
    let spot = place(text, &line_starts(text), offset, String::new());
    let line = text.lines().nth(spot.line as usize - 1).unwrap_or_default();
    Problem::new(&spot, format!("no TOML: {}", message.replace('\n', "; ")), quoted(line))
}

/// `name = Sample` wants quotes.
fn quoted(line: &str) -> Option<String> {
    let (key, value) = line.split_once('=')?;
    let value = value.split_once('#').map_or(value, |(value, _)| value).trim();
    let bare = !value.is_empty() && value.chars().all(|c| c.is_alphanumeric() || " -_:/.@".contains(c));
    bare.then(|| format!("{} = \"{value}\"", key.trim()))
}
