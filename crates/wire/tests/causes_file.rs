//! `causes.json` is the catalogue for libraries and documentation. It is made here and checked in.

use std::path::Path;

/// Fails when the file is behind the catalogue; `MANDATE_UPDATE=1 cargo test -p mandate-wire` writes it anew.
#[test]
fn causes_json_is_the_catalogue() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../causes.json");
    let made = serde_json::to_string_pretty(&mandate_wire::explain::catalogue()).unwrap() + "\n";
    if std::env::var_os("MANDATE_UPDATE").is_some() {
        std::fs::write(&file, &made).unwrap();
    }
    let checked_in = std::fs::read_to_string(&file).unwrap();
    assert!(checked_in == made, "causes.json is behind the catalogue: run with MANDATE_UPDATE=1");
}
