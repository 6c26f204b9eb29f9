//! One element after the other out of DER (X.690), without trust: lengths in their shortest form, nothing beyond the end.

/// What is left to read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The tag of the next element.
    pub(super) fn peek(self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next element: its tag and content.
    pub(super) fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        // tags of more than one byte stand in no certificate
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            if !(1..=3).contains(&bytes.len()) || bytes[0] == 0 {
                return None;
            }
            let length = bytes.iter().fold(0, |length, b| length << 8 | usize::from(*b));
            if length < 0x80 {
                return None;
            }
            (length, rest)
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// The content of the next element, which has this tag.
    pub(super) fn take(&mut self, tag: u8) -> Option<Self> {
        let (found, content) = self.any()?;
        (found == tag).then_some(Self(content))
    }

    /// The bytes of the next element, which has this tag.
    pub(super) fn bytes(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.take(tag).map(|inside| inside.0)
    }

    /// Passes over the next element if it has this tag.
    pub(super) fn skip_if(&mut self, tag: u8) -> Option<()> {
        if self.peek() == Some(tag) { self.any().map(|_| ()) } else { Some(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x690_8_1_3_lengths() {
        let any = |bytes: &[u8]| Der::new(bytes).any().map(|(tag, content)| (tag, content.len()));
        assert_eq!(any(&[4, 2, 1, 2, 9]), Some((4, 2)));
        let long: Vec<u8> = [&[4, 0x81, 0x80][..], &[0; 128]].concat();
        assert_eq!(any(&long), Some((4, 128)));
        for bad in [
            &[][..],
            &[4],
            &[4, 2, 1],
            &[4, 0x80, 0, 0],
            &[4, 0x81, 1, 0],
            &[4, 0x82, 0, 1, 0],
            &[4, 0x84, 0, 0, 0, 1, 0],
            &[0x1f, 1, 0],
        ] {
            assert_eq!(any(bad), None, "{bad:?}");
        }
    }
}
