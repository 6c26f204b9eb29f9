//! A client's settings as the text of their column.

use mandate_core::ClientSettings;

/// The text to store.
pub(crate) fn text(settings: &ClientSettings) -> String {
    // Flags, words and texts: nothing in it can fail to be written.
    serde_json::to_string(settings).unwrap_or_else(|_| "{}".into())
}

/// What was stored; `None` if it is none of ours.
pub(crate) fn read(text: &str) -> Option<ClientSettings> {
    serde_json::from_str(text).ok()
}
