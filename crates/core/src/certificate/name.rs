//! Distinguished names: as text (RFC 4514), and when two of them are the same (RFC 4517 section 4.2.15).

/// One attribute of a name: its type as dotted numbers, its value as text, prepared for comparison.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attribute {
    kind: Box<str>,
    value: Box<str>,
}

impl Attribute {
    /// An attribute of the type `oid` (`2.5.4.3`). Values are compared without regard to case and repeated spaces
    /// (RFC 4518).
    pub fn new(oid: &str, value: &str) -> Self {
        let words: Vec<String> = value.split_whitespace().map(str::to_lowercase).collect();
        Self { kind: oid.into(), value: words.join(" ").into() }
    }
}

/// A distinguished name: its relative names in the order of the certificate, the attributes of each sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name(Vec<Vec<Attribute>>);

/// A text that is no distinguished name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no distinguished name as in RFC 4514")]
pub struct NameFault;

/// RFC 4514 section 3 and RFC 4519, and those that certificates of firms have.
const KINDS: &[(&str, &str)] = &[
    ("cn", "2.5.4.3"),
    ("sn", "2.5.4.4"),
    ("serialnumber", "2.5.4.5"),
    ("c", "2.5.4.6"),
    ("l", "2.5.4.7"),
    ("st", "2.5.4.8"),
    ("s", "2.5.4.8"),
    ("street", "2.5.4.9"),
    ("o", "2.5.4.10"),
    ("ou", "2.5.4.11"),
    ("title", "2.5.4.12"),
    ("businesscategory", "2.5.4.15"),
    ("postalcode", "2.5.4.17"),
    ("givenname", "2.5.4.42"),
    ("initials", "2.5.4.43"),
    ("organizationidentifier", "2.5.4.97"),
    ("uid", "0.9.2342.19200300.100.1.1"),
    ("dc", "0.9.2342.19200300.100.1.25"),
    ("emailaddress", "1.2.840.113549.1.9.1"),
    ("e", "1.2.840.113549.1.9.1"),
    ("jurisdictionl", "1.3.6.1.4.1.311.60.2.1.1"),
    ("jurisdictionst", "1.3.6.1.4.1.311.60.2.1.2"),
    ("jurisdictionc", "1.3.6.1.4.1.311.60.2.1.3"),
];

impl Name {
    /// From the relative names of a certificate, in its order.
    pub fn new(relative: Vec<Vec<Attribute>>) -> Self {
        Self(relative.into_iter().map(sorted).collect())
    }

    /// Whether it names nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads the text form of RFC 4514: the last relative name comes first.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, NameFault> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let mut relative = Vec::new();
        let mut rest = text;
        loop {
            let (attributes, after) = relative_name(rest)?;
            relative.push(sorted(attributes));
            match after {
                Some(after) => rest = after,
                None => break,
            }
        }
        relative.reverse();
        Ok(Self(relative))
    }
}

fn sorted(mut attributes: Vec<Attribute>) -> Vec<Attribute> {
    attributes.sort();
    attributes
}

/// `type=value` joined by `+`, and what follows the comma.
fn relative_name(text: &str) -> Result<(Vec<Attribute>, Option<&str>), NameFault> {
    let mut attributes = Vec::new();
    let mut rest = text;
    loop {
        let (kind, value) = rest.split_once('=').ok_or(NameFault)?;
        let oid = oid(kind.trim()).ok_or(NameFault)?;
        let (value, end, after) = value_of(value)?;
        attributes.push(Attribute::new(oid, &value));
        match end {
            Some('+') => rest = after,
            Some(_) => return Ok((attributes, Some(after))),
            None => return Ok((attributes, None)),
        }
    }
}

fn oid(kind: &str) -> Option<&str> {
    let is_dotted = kind.contains('.')
        && kind.split('.').all(|arc| !arc.is_empty() && arc.bytes().all(|b| b.is_ascii_digit()));
    if is_dotted {
        return Some(kind);
    }
    KINDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(kind)).map(|(_, oid)| *oid)
}

/// RFC 4514 section 2.4: a value with its escapes undone, the separator that ended it, and what follows.
fn value_of(text: &str) -> Result<(String, Option<char>, &str), NameFault> {
    let bytes = text.as_bytes();
    let mut value = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b',' | b';' | b'+' => {
                let separator = if byte == b'+' { '+' } else { ',' };
                return Ok((utf8(value)?, Some(separator), &text[at + 1..]));
            }
            b'\\' => {
                let next = *bytes.get(at + 1).ok_or(NameFault)?;
                let hex = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
                match (hex(next), bytes.get(at + 2).copied().and_then(hex)) {
                    (Some(high), Some(low)) => {
                        value.push(high << 4 | low);
                        at += 3;
                    }
                    _ if next.is_ascii_punctuation() || next == b' ' => {
                        value.push(next);
                        at += 2;
                    }
                    _ => return Err(NameFault),
                }
            }
            b'"' | b'<' | b'>' | 0 => return Err(NameFault),
            _ => {
                value.push(byte);
                at += 1;
            }
        }
    }
    Ok((utf8(value)?, None, ""))
}

fn utf8(value: Vec<u8>) -> Result<String, NameFault> {
    // a name without a value names nothing
    let text = String::from_utf8(value).map_err(|_| NameFault)?;
    if text.trim().is_empty() { Err(NameFault) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Name {
        Name::parse(text).unwrap()
    }
    fn certificate(relative: &[&[(&str, &str)]]) -> Name {
        let one = |r: &&[(&str, &str)]| r.iter().map(|(kind, value)| Attribute::new(kind, value)).collect();
        Name::new(relative.iter().map(one).collect())
    }

    #[test]
    fn rfc4514_2_1_the_last_relative_name_comes_first() {
        let name = certificate(&[
            &[("2.5.4.6", "GB")],
            &[("2.5.4.10", "Isode Limited")],
            &[("2.5.4.3", "Steve Kille")],
        ]);
        for same in [
            "CN=Steve Kille,O=Isode Limited,C=GB",
            "cn=steve  kille, o=ISODE Limited , c=gb",
            "2.5.4.3=Steve Kille;O=Isode Limited;C=GB",
        ] {
            assert_eq!(parsed(same), name, "{same}");
        }
        for other in [
            "C=GB,O=Isode Limited,CN=Steve Kille",
            "CN=Steve Kille,O=Isode Limited",
            "CN=Steve Kille,O=Isode,C=GB",
            "SN=Steve Kille,O=Isode Limited,C=GB",
        ] {
            assert_ne!(parsed(other), name, "{other}");
        }
    }

    #[test]
    fn rfc4514_4_its_examples() {
        let several = certificate(&[
            &[("0.9.2342.19200300.100.1.25", "net")],
            &[("2.5.4.3", "J.  Smith"), ("2.5.4.11", "Sales")],
        ]);
        assert_eq!(parsed("OU=Sales+CN=J.  Smith,DC=net"), several);
        assert_eq!(
            parsed(r#"CN=James \"Jim\" Smith\, III"#),
            certificate(&[&[("2.5.4.3", "James \"Jim\" Smith, III")]])
        );
        assert_eq!(parsed(r"CN=Lu\C4\8Di\C4\87"), certificate(&[&[("2.5.4.3", "Lučić")]]));
        assert_eq!(parsed(r"CN=Before\0dAfter"), certificate(&[&[("2.5.4.3", "Before\rAfter")]]));
    }

    #[test]
    fn an_escaped_separator_does_not_end_a_name() {
        assert_ne!(parsed(r"CN=bank\,O=Isode"), parsed("CN=bank,O=Isode"));
        assert_ne!(parsed(r"CN=bank\+O=Isode"), parsed("CN=bank+O=Isode"));
    }

    #[test]
    fn what_is_no_name() {
        for bad in [
            "CN", "=x", "CN=", "CN= ,O=x", "XX=y", "2..3=x", "CN=a,", r"CN=a\", r"CN=a\q", "CN=\"a\"",
            r"CN=\ff",
        ] {
            assert_eq!(Name::parse(bad), Err(NameFault), "{bad}");
        }
        assert!(parsed("").is_empty());
    }
}
