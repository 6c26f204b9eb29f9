//! `src/causes.rs` is the catalogue of causes as constants. It is made here and checked in, so that nothing outside
//! the crate is read when it is built.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use serde_json::Value as Json;
use std::fmt::Write as _;
use std::path::Path;

/// Fails when the file is behind the catalogue; `MANDATE_UPDATE=1 cargo test -p mandate-session --test causes_file`
/// writes it anew.
#[test]
fn causes_rs_is_the_catalogue() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let catalogue = std::fs::read_to_string(home.join("../../causes.json")).unwrap();
    let made = made(&serde_json::from_str(&catalogue).unwrap());
    let file = home.join("src/causes.rs");
    if std::env::var_os("MANDATE_UPDATE").is_some() {
        std::fs::write(&file, &made).unwrap();
    }
    assert!(
        std::fs::read_to_string(&file).unwrap() == made,
        "src/causes.rs is behind: run with MANDATE_UPDATE=1"
    );
}

fn made(catalogue: &Json) -> String {
    let mut constants = String::new();
    let mut rows = String::new();
    for cause in catalogue["causes"].as_array().unwrap() {
        let text = |name: &str| cause[name].as_str().unwrap();
        let name = text("id").replace('.', "_").to_uppercase();
        let (id, title, remedy) = (text("id"), text("title"), text("remedy"));
        let who: String =
            text("who_can_act").split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
        write!(constants, "    /// {title}.\n    pub const {name}: Self = Self(Cow::Borrowed(\"{id}\"));\n")
            .unwrap();
        write!(
            rows,
            "    Known {{\n        id: \"{id}\",\n        title: {title:?},\n        remedy: {remedy:?},\n        \
             who_can_act: WhoCanAct::{who},\n        renew: {},\n    }},\n",
            cause["renew"]
        )
        .unwrap();
    }
    format!(
        "//! Made from the catalogue of causes by `tests/causes_file.rs`; not edited by hand.\n\n\
         pub use crate::cause::Cause;\nuse crate::cause::Known;\nuse crate::core::state::WhoCanAct;\n\
         use std::borrow::Cow;\n\nimpl Cause {{\n{constants}}}\n\n\
         #[rustfmt::skip]\npub(crate) static CATALOGUE: &[Known] = &[\n{rows}];\n"
    )
}
