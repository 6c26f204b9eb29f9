//! Writes flat JSON objects member by member. Tokens and answers that hold them are the longest texts that the server
//! writes; they need no escapes, and a look at the whole text says so faster than one at each of its characters.

use serde::Serialize;

/// A JSON object that is being written.
#[derive(Debug)]
pub struct Object(Vec<u8>);

impl Object {
    /// An empty one, with room for about so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        let mut out = Vec::with_capacity(bytes);
        out.push(b'{');
        Self(out)
    }

    fn name(&mut self, name: &'static str) {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        quoted(&mut self.0, name);
        self.0.push(b':');
    }

    /// A member whose value is a text.
    pub fn text(&mut self, name: &'static str, value: &str) {
        self.name(name);
        quoted(&mut self.0, value);
    }

    /// A member whose value is anything else of ours that can be written.
    pub fn value(&mut self, name: &'static str, value: &impl Serialize) {
        self.name(name);
        written(&mut self.0, value);
    }

    /// The whole object.
    pub fn end(mut self) -> Vec<u8> {
        self.0.push(b'}');
        self.0
    }
}

#[expect(clippy::needless_bitwise_bool, reason = "without branches the compiler looks at many bytes at once")]
fn quoted(out: &mut Vec<u8>, text: &str) {
    // RFC 8259 section 7
    let escapes = |bad, byte: u8| bad | (byte < 0x20) | (byte == b'"') | (byte == b'\\');
    if text.bytes().fold(false, escapes) {
        return written(out, text);
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

fn written<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    // Our own types, into memory: nothing in them can fail to be written.
    let at = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.truncate(at);
        out.extend_from_slice(b"null");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_text_is_written_as_the_json_library_writes_it(text in any::<String>(), number in any::<i64>()) {
            let mut object = Object::with_capacity(0);
            object.text("a", &text);
            object.value("b", &number);
            object.text("c", "\"\\\u{1f}\u{7f}é");
            let read: serde_json::Value = serde_json::from_slice(&object.end()).unwrap();
            prop_assert_eq!(read, serde_json::json!({"a": text, "b": number, "c": "\"\\\u{1f}\u{7f}é"}));
        }
    }

    #[test]
    fn members_stand_in_their_order() {
        assert_eq!(Object::with_capacity(0).end(), b"{}");
        let mut object = Object::with_capacity(0);
        object.text("b", "x\n");
        object.value("a", &["y"]);
        assert_eq!(object.end(), br#"{"b":"x\n","a":["y"]}"#);
    }
}
