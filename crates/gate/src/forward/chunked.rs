//! The chunked transfer coding (RFC 9112 section 7.1), taken apart.

use bytes::{Buf as _, Bytes, BytesMut};

/// Longest size line and longest trailer section.
const LINE: usize = 256;
const TRAILERS: usize = 8 * 1024;

/// Where in the coding we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chunks {
    /// Before a size.
    Size,
    /// In the data of a chunk, so many bytes before its end.
    Data(u64),
    /// Between the data and its line break.
    DataEnd,
    /// After the last chunk; so many bytes of trailers were dropped.
    Trailers(usize),
    /// At the end.
    Done,
}

/// What could be taken from the buffer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Data(Bytes),
    /// More must be received first.
    Starved,
    Done,
}

impl Chunks {
    /// Takes the next piece of data out of what was received. Trailers and extensions are dropped.
    ///
    /// # Errors
    /// The coding is broken.
    pub(crate) fn take(&mut self, received: &mut BytesMut) -> Result<Piece, &'static str> {
        loop {
            match *self {
                Self::Size => match httparse::parse_chunk_size(received) {
                    Ok(httparse::Status::Complete((used, size))) => {
                        received.advance(used);
                        *self = if size == 0 { Self::Trailers(0) } else { Self::Data(size) };
                    }
                    Ok(httparse::Status::Partial) if received.len() < LINE => return Ok(Piece::Starved),
                    Ok(httparse::Status::Partial) | Err(_) => return Err("a chunk has no size"),
                },
                Self::Data(left) => {
                    if received.is_empty() {
                        return Ok(Piece::Starved);
                    }
                    let n = usize::try_from(left).unwrap_or(usize::MAX).min(received.len());
                    let left = left - n as u64;
                    *self = if left == 0 { Self::DataEnd } else { Self::Data(left) };
                    return Ok(Piece::Data(received.split_to(n).freeze()));
                }
                Self::DataEnd => {
                    if received.len() < 2 {
                        return Ok(Piece::Starved);
                    }
                    if !received.starts_with(b"\r\n") {
                        return Err("a chunk is longer than its size");
                    }
                    received.advance(2);
                    *self = Self::Size;
                }
                Self::Trailers(dropped) => {
                    let Some(end) = received.windows(2).position(|w| w == b"\r\n") else {
                        if dropped + received.len() > TRAILERS {
                            return Err("the trailers are too long");
                        }
                        return Ok(Piece::Starved);
                    };
                    received.advance(end + 2);
                    *self = if end == 0 { Self::Done } else { Self::Trailers(dropped + end + 2) };
                    if dropped + end > TRAILERS {
                        return Err("the trailers are too long");
                    }
                }
                Self::Done => return Ok(Piece::Done),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(bytes: &[u8], step: usize) -> Result<(Vec<u8>, usize), &'static str> {
        let (mut chunks, mut received, mut out) = (Chunks::Size, BytesMut::new(), Vec::new());
        let mut pieces = bytes.chunks(step);
        loop {
            match chunks.take(&mut received)? {
                Piece::Data(data) => out.extend_from_slice(&data),
                Piece::Done => return Ok((out, received.len())),
                Piece::Starved => received.extend_from_slice(pieces.next().ok_or("starved")?),
            }
        }
    }

    #[test]
    fn broken_codings_are_found() {
        assert_eq!(all(b"3;x=y\r\nabc\r\n0\r\nT: v\r\n\r\nrest", 100), Ok((b"abc".to_vec(), 4)));
        for bad in [
            &b"x\r\nabc\r\n"[..],
            b"3\r\nabcd\r\n0\r\n\r\n",
            b"fffffffffffffffff\r\n",
            b"3\r\nabc\r\n",
            b"-1\r\n",
        ] {
            assert!(all(bad, 100).is_err(), "{bad:?}");
        }
        assert!(all(&[b"0\r\n".as_slice(), &b"a: b\r\n".repeat(3000)].concat(), 1000).is_err());
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same(data in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..6), step in 1usize..50) {
            let mut coded = Vec::new();
            for chunk in &data {
                coded.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                coded.extend_from_slice(chunk);
                coded.extend_from_slice(b"\r\n");
            }
            coded.extend_from_slice(b"0\r\n\r\n");
            prop_assert_eq!(all(&coded, step), Ok((data.concat(), 0)));
        }
    }
}
