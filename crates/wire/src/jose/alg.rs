//! Signature algorithms. Those that are not here are refused by name: `none`, every HMAC, every longer curve.

/// An algorithm that may sign something we accept or issue (RFC 7518 section 3.1, RFC 8037 section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Alg {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519; no other curve.
    EdDsa,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PKCS1-v1_5 with SHA-256. Not for FAPI 2.0 (SP 5.4).
    Rs256,
}

impl Alg {
    /// What FAPI 2.0 allows (Security Profile section 5.4.1).
    pub const FAPI: &[Self] = &[Self::Ps256, Self::Es256, Self::EdDsa];

    /// The name in a header's or key's `alg`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Ps256 => "PS256",
            Self::Rs256 => "RS256",
        }
    }

    /// Reads a name, the fully specified `Ed25519` of RFC 9864 too. Names are case-sensitive (RFC 7515 section 4.1.1).
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "ES256" => Some(Self::Es256),
            "EdDSA" | "Ed25519" => Some(Self::EdDsa),
            "PS256" => Some(Self::Ps256),
            "RS256" => Some(Self::Rs256),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc7518_3_1_names_are_read_back_and_others_are_not() {
        for alg in [Alg::Es256, Alg::EdDsa, Alg::Ps256, Alg::Rs256] {
            assert_eq!(Alg::parse(alg.as_str()), Some(alg));
        }
        assert_eq!(Alg::parse("Ed25519"), Some(Alg::EdDsa));
        for name in [
            "none", "None", "", "HS256", "HS512", "ES384", "ES512", "ES256K", "PS384", "RS512", "Ed448",
            "es256",
        ] {
            assert_eq!(Alg::parse(name), None, "{name}");
        }
        assert!(!Alg::FAPI.contains(&Alg::Rs256));
    }
}
