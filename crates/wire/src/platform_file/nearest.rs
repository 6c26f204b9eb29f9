//! The nearest right thing.

/// The candidate that a slip of the finger or the memory may have meant; none when all are far away.
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let folded = fold(word);
    let mut best: Option<(usize, f64, &str)> = None;
    for candidate in candidates {
        let other = fold(candidate);
        let distance = strsim::osa_distance(&folded, &other);
        let likeness = strsim::jaro_winkler(&folded, &other);
        let longer = folded.chars().count().max(other.chars().count());
        if distance > (longer / 3).max(1) && likeness < 0.88 {
            continue;
        }
        if best.is_none_or(|(d, l, _)| distance < d || (distance == d && likeness > l)) {
            best = Some((distance, likeness, candidate));
        }
    }
    best.map(|(_, _, candidate)| candidate)
}

/// Case and the choice between `-` and `_` are no difference worth naming.
fn fold(word: &str) -> String {
    word.chars().map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect()
}

/// `a, b or c`.
pub fn choice<'c>(words: impl IntoIterator<Item = &'c str>) -> String {
    let words: Vec<&str> = words.into_iter().collect();
    match words.split_last() {
        None => String::new(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let keys = ["id", "name", "listen", "environments", "upstream", "requests_per_minute"];
        for (slip, meant) in [
            ("i", Some("id")),
            ("lsiten", Some("listen")),
            ("Listen", Some("listen")),
            ("environment", Some("environments")),
            ("env", None),
            ("requests-per-minute", Some("requests_per_minute")),
            ("requests_per_second", Some("requests_per_minute")),
            ("banana", None),
        ] {
            assert_eq!(nearest(slip, keys), meant, "{slip}");
        }
    }
}
