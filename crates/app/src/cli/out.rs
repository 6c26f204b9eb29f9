//! Standard output and what is laid out on it.

use super::text;
use serde_json::Value as Json;
use std::io::Write;

/// Where a command's answer goes.
pub(super) struct Out {
    to: Box<dyn Write + Send>,
}

impl std::fmt::Debug for Out {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Out")
    }
}

impl Out {
    /// Standard output.
    pub(super) fn stdout() -> Self {
        Self { to: Box::new(std::io::stdout()) }
    }
    /// Somewhere else.
    #[cfg(test)]
    pub(super) fn to(to: impl Write + Send + 'static) -> Self {
        Self { to: Box::new(to) }
    }

    /// Text as it is. A reader that went away is no fault of ours.
    pub(super) fn raw(&mut self, text: &str) {
        let _nobody_reads = self.to.write_all(text.as_bytes()).and_then(|()| self.to.flush());
    }
    /// One line. What came from elsewhere cannot steer the terminal (SECURITY R4).
    pub(super) fn line(&mut self, line: &str) {
        self.raw(&format!("{}\n", text::tame(line)));
    }
    /// An empty line.
    pub(super) fn gap(&mut self) {
        self.raw("\n");
    }
    /// A value as JSON.
    pub(super) fn json(&mut self, value: &Json) {
        self.raw(&format!("{value:#}\n"));
    }
    /// Names and values, values below each other. Empty values are left out.
    pub(super) fn pairs(&mut self, pairs: &[(&str, String)]) {
        let widest =
            pairs.iter().filter(|(_, v)| !v.is_empty()).map(|(name, _)| text::width(name)).max().unwrap_or(0);
        for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
            self.line(&format!("{}  {value}", text::padded(name, widest)));
        }
    }
    /// Rows below a headline, columns aligned; `none` if there are no rows.
    pub(super) fn table(&mut self, heads: &[&str], rows: &[Vec<String>], none: &str) {
        if rows.is_empty() {
            self.line(none);
            return;
        }
        let heads: Vec<String> = heads.iter().map(|h| (*h).to_owned()).collect();
        let widths: Vec<usize> = (0..heads.len())
            .map(|i| {
                let cells = rows.iter().filter_map(|row| row.get(i)).map(|cell| text::width(cell));
                cells.chain([text::width(&heads[i])]).max().unwrap_or(0)
            })
            .collect();
        for row in std::iter::once(&heads).chain(rows) {
            let cells: Vec<String> =
                row.iter().zip(&widths).map(|(cell, width)| text::padded(cell, *width)).collect();
            self.line(cells.join("  ").trim_end());
        }
    }
}

/// Says something to the person at the terminal, beside the answer.
pub(super) fn aside(line: &str) {
    let _nobody_reads = writeln!(std::io::stderr(), "{}", text::tame(line));
}
