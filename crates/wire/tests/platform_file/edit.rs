//! Slips of the finger in the shipped sample.

/// The shipped sample.
pub(crate) const SAMPLE: &str = include_str!("../../../../platforms/alpaca.toml");

/// A line of the sample that says something.
pub(crate) struct Line {
    pub(crate) number: u32,
    pub(crate) text: &'static str,
}

/// Every line of the sample that is neither empty nor a comment.
pub(crate) fn lines() -> impl Iterator<Item = Line> {
    (1..)
        .zip(SAMPLE.lines())
        .map(|(number, text)| Line { number, text })
        .filter(|l| !l.text.is_empty() && !l.text.starts_with('#'))
}

impl Line {
    /// The sample with other text in place of this line.
    pub(crate) fn replaced(&self, by: &str) -> String {
        (1..)
            .zip(SAMPLE.lines())
            .map(|(n, l)| if n == self.number { by } else { l })
            .collect::<Vec<_>>()
            .join("\n")
    }
    /// Key and value, the comment left out.
    pub(crate) fn key_value(&self) -> Option<(&'static str, &'static str)> {
        if self.text.starts_with('[') {
            return None;
        }
        let (key, value) = self.text.split_once('=')?;
        let value = value.split_once("  #").map_or(value, |(value, _)| value);
        Some((key.trim(), value.trim()))
    }
    /// Table and name of a header.
    pub(crate) fn header(&self) -> Option<(&'static str, Option<&'static str>)> {
        let header = self.text.strip_prefix('[')?.trim_start_matches('[');
        let header = header.split_once(']')?.0;
        Some(
            header
                .split_once('.')
                .map_or((header, None), |(table, name)| (table, Some(name.trim_matches('"')))),
        )
    }
    /// A name as this header would write it.
    pub(crate) fn quoted(&self, name: &str) -> String {
        if self.text.contains('"') { format!("\"{name}\"") } else { name.to_owned() }
    }
}

/// A letter left out, another letter, two letters exchanged: at the front, in the middle and at the end.
pub(crate) fn misspellings(word: &str) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    let last = letters.len() - 1;
    let mut wrong = Vec::new();
    for at in [0, last / 2, last] {
        let mut left_out = letters.clone();
        left_out.remove(at);
        wrong.push(left_out);
        let mut other = letters.clone();
        other[at] = if other[at] == 'q' { 'x' } else { 'q' };
        wrong.push(other);
        let mut exchanged = letters.clone();
        exchanged.swap(at.min(last.saturating_sub(1)), (at + 1).min(last));
        wrong.push(exchanged);
    }
    let mut wrong: Vec<String> =
        wrong.into_iter().map(String::from_iter).filter(|w| w != word && !w.is_empty()).collect();
    wrong.sort();
    wrong.dedup();
    wrong
}

/// A text without the lines that begin so.
pub(crate) fn without(text: &str, beginnings: &[&str]) -> String {
    let kept = text.lines().filter(|l| !beginnings.iter().any(|b| l.starts_with(b)));
    kept.collect::<Vec<_>>().join("\n")
}
