//! What a token, code or chain is bound to, as the text that stands in its row: the key of DPoP proofs
//! (RFC 9449 section 6.1) or a client certificate (RFC 8705 section 3.1).

/// Stands before the thumbprint of a certificate. A key's thumbprint is base64url, which has no `#`.
const CERTIFICATE: &str = "x5t#S256:";

/// A binding, read from its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding<'a> {
    /// The RFC 7638 thumbprint of a DPoP key.
    Key(&'a str),
    /// The SHA-256 thumbprint of a certificate, base64url.
    Certificate(&'a str),
}

impl<'a> Binding<'a> {
    /// What a stored text means.
    pub fn read(text: &'a str) -> Self {
        match text.strip_prefix(CERTIFICATE) {
            Some(thumbprint) => Self::Certificate(thumbprint),
            None => Self::Key(text),
        }
    }
    /// The text to store.
    pub fn text(self) -> String {
        match self {
            Self::Key(thumbprint) => thumbprint.to_owned(),
            Self::Certificate(thumbprint) => format!("{CERTIFICATE}{thumbprint}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_lead_back_and_are_never_taken_for_each_other() {
        let thumbprint = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0";
        let (key, certificate) = (Binding::Key(thumbprint), Binding::Certificate(thumbprint));
        assert_ne!(key.text(), certificate.text());
        assert_eq!(Binding::read(&key.text()), key);
        assert_eq!(Binding::read(&certificate.text()), certificate);
    }
}
