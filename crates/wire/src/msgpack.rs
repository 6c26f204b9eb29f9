//! `MessagePack`, as far as streams speak it: whole messages in memory, read strictly, written small.

use serde_json::{Map, Number, Value};

/// Nested so deep at most.
const DEEPEST: usize = 32;

/// Why bytes are not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not one value of the format, or one that JSON cannot hold.
    #[error("it is not MessagePack")]
    NotMessagePack,
    /// A name stands twice in one map.
    #[error("a name stands twice in it")]
    Repeated,
}

/// Reads one value that JSON could hold as well; bytes and extensions are not among those.
///
/// # Errors
/// Anything else, anything after it, and a map in which a name stands twice.
pub fn read(bytes: &[u8]) -> Result<Value, Fault> {
    let mut reader = Reader { rest: bytes };
    let value = reader.value(0)?;
    if reader.rest.is_empty() { Ok(value) } else { Err(Fault::NotMessagePack) }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Fault::NotMessagePack)?;
        self.rest = rest;
        Ok(taken)
    }

    /// An unsigned number of so many bytes, the largest first.
    fn number(&mut self, count: usize) -> Result<u64, Fault> {
        Ok(self.take(count)?.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    fn length(&mut self, count: usize) -> Result<usize, Fault> {
        usize::try_from(self.number(count)?).map_err(|_| Fault::NotMessagePack)
    }

    fn value(&mut self, depth: usize) -> Result<Value, Fault> {
        if depth > DEEPEST {
            return Err(Fault::NotMessagePack);
        }
        let head = self.take(1)?[0];
        let low = |mask: u8| usize::from(head & mask);
        Ok(match head {
            0x00..=0x7f => Value::from(head),
            0x80..=0x8f => self.map(low(0x0f), depth)?,
            0x90..=0x9f => self.list(low(0x0f), depth)?,
            0xa0..=0xbf => self.text(low(0x1f))?,
            0xc0 => Value::Null,
            0xc2 | 0xc3 => Value::Bool(head == 0xc3),
            0xca => {
                let bits = u32::try_from(self.number(4)?).map_err(|_| Fault::NotMessagePack)?;
                real(f64::from(f32::from_bits(bits)))?
            }
            0xcb => real(f64::from_bits(self.number(8)?))?,
            0xcc..=0xcf => Value::from(self.number(1 << (head - 0xcc))?),
            0xd0..=0xd3 => {
                let size = 1_u32 << (head - 0xd0);
                let unused = 64 - 8 * size;
                let raw = self.number(usize::try_from(size).unwrap_or(8))?;
                Value::from((raw << unused).cast_signed() >> unused)
            }
            0xd9..=0xdb => {
                let length = self.length(1 << (head - 0xd9))?;
                self.text(length)?
            }
            0xdc | 0xdd => {
                let length = self.length(2 << (head - 0xdc))?;
                self.list(length, depth)?
            }
            0xde | 0xdf => {
                let length = self.length(2 << (head - 0xde))?;
                self.map(length, depth)?
            }
            0xc1 | 0xc4..=0xc9 | 0xd4..=0xd8 => return Err(Fault::NotMessagePack),
            0xe0..=0xff => Value::from(i64::from(head.cast_signed())),
        })
    }

    fn text(&mut self, length: usize) -> Result<Value, Fault> {
        let text = std::str::from_utf8(self.take(length)?).map_err(|_| Fault::NotMessagePack)?;
        Ok(Value::from(text))
    }

    fn list(&mut self, length: usize, depth: usize) -> Result<Value, Fault> {
        // each element has a byte at least, so no length makes us take memory that did not come
        if length > self.rest.len() {
            return Err(Fault::NotMessagePack);
        }
        (0..length).map(|_| self.value(depth + 1)).collect::<Result<Vec<_>, _>>().map(Value::Array)
    }

    fn map(&mut self, length: usize, depth: usize) -> Result<Value, Fault> {
        if length > self.rest.len() {
            return Err(Fault::NotMessagePack);
        }
        let mut map = Map::new();
        for _ in 0..length {
            let Value::String(name) = self.value(depth + 1)? else { return Err(Fault::NotMessagePack) };
            let value = self.value(depth + 1)?;
            if map.insert(name, value).is_some() {
                return Err(Fault::Repeated);
            }
        }
        Ok(Value::Object(map))
    }
}

fn real(number: f64) -> Result<Value, Fault> {
    Number::from_f64(number).map(Value::Number).ok_or(Fault::NotMessagePack)
}

/// Writes a value.
pub fn write(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.push(0xc0),
        Value::Bool(flag) => out.push(0xc2 + u8::from(*flag)),
        Value::Number(number) => write_number(out, number),
        Value::String(text) => write_text(out, text),
        Value::Array(list) => {
            write_head(out, list.len(), (0x90, 15), [0xdc, 0xdd]);
            for value in list {
                write(out, value);
            }
        }
        Value::Object(map) => {
            write_map(out, map.len());
            for (name, value) in map {
                write_text(out, name);
                write(out, value);
            }
        }
    }
}

/// Writes the head of a map; so many names with their values have to follow.
pub fn write_map(out: &mut Vec<u8>, length: usize) {
    write_head(out, length, (0x80, 15), [0xde, 0xdf]);
}

/// Writes a text.
pub fn write_text(out: &mut Vec<u8>, text: &str) {
    if let (32..=255, Ok(length)) = (text.len(), u8::try_from(text.len())) {
        out.extend([0xd9, length]);
    } else {
        write_head(out, text.len(), (0xa0, 31), [0xda, 0xdb]);
    }
    out.extend_from_slice(text.as_bytes());
}

/// Writes a point in time: the extension of type -1, with seconds since 1970 and nanoseconds.
pub fn write_time(out: &mut Vec<u8>, seconds: i64, nanoseconds: u32) {
    out.extend([0xc7, 12, 0xff]);
    out.extend(nanoseconds.to_be_bytes());
    out.extend(seconds.to_be_bytes());
}

fn write_head(out: &mut Vec<u8>, length: usize, (short, most): (u8, usize), [two, four]: [u8; 2]) {
    if let (true, Ok(length)) = (length <= most, u8::try_from(length)) {
        out.push(short | length);
    } else if let Ok(length) = u16::try_from(length) {
        out.push(two);
        out.extend(length.to_be_bytes());
    } else {
        out.push(four);
        out.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    }
}

fn write_number(out: &mut Vec<u8>, number: &Number) {
    match (number.as_u64(), number.as_i64()) {
        (Some(small @ 0..=127), _) => out.push(u8::try_from(small).unwrap_or(0)),
        (Some(large), _) => {
            out.push(0xcf);
            out.extend(large.to_be_bytes());
        }
        (None, Some(negative)) => {
            out.push(0xd3);
            out.extend(negative.to_be_bytes());
        }
        (None, None) => {
            out.push(0xcb);
            out.extend(number.as_f64().unwrap_or(0.0).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn what_is_written_is_read() {
        let value = json!([{"T": "success", "n": [0, 127, 128, 65_536, -1, -300, 1.5, null, true, false],
            "long": "x".repeat(300), "middle": "y".repeat(40)}, (0..40).collect::<Vec<_>>()]);
        let mut bytes = Vec::new();
        write(&mut bytes, &value);
        assert_eq!(read(&bytes), Ok(value));
    }

    #[test]
    fn numbers_of_every_size_are_read() {
        for (bytes, number) in [
            (&[0xcc, 200][..], 200),
            (&[0xcd, 1, 0], 256),
            (&[0xce, 0, 1, 0, 0], 65_536),
            (&[0xd0, 0xff], -1),
            (&[0xd1, 0xff, 0x00], -256),
            (&[0xd2, 0xff, 0xff, 0xff, 0xfe], -2),
            (&[0xe0], -32),
        ] {
            assert_eq!(read(bytes), Ok(json!(number)));
        }
        assert_eq!(read(&[0xca, 0x3f, 0xc0, 0, 0]), Ok(json!(1.5)));
        assert_eq!(read(&[0xda, 0, 1, b'a']), Ok(json!("a")));
    }

    #[test]
    fn r24_what_two_readers_could_read_differently_is_refused() {
        let twice = [0x82, 0xa1, b'a', 1, 0xa1, b'a', 2];
        assert_eq!(read(&twice), Err(Fault::Repeated));
        let deep = [0x91; 100];
        for bad in
            [&b""[..], &[0xc1], &[0xc4, 1, 0], &[1, 1], &[0xdf, 0xff, 0xff, 0xff, 0xff], &[0x81, 1, 1], &deep]
        {
            assert_eq!(read(bad), Err(Fault::NotMessagePack), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = read(&bytes);
        }
    }
}
