//! Project Wycheproof's signatures, good and bad, against the keys that we verify with. Their messages hold no dot, so
//! they are no signing input of a JWS; they are checked where [`Compact::verify`] ends, at [`PublicJwk::verify`]. Each
//! signature also stands in a JWS once, where it signs something else and must be refused.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]
#![expect(clippy::print_stdout, reason = "counts, for `cargo test -- --nocapture`")]

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mandate_wire::jose::{Alg, Compact, JwsFault, PublicJwk};
use serde_json::{Value, json};
use std::fmt::Debug;
use wycheproof::{TestResult, ecdsa, eddsa, rsa_pkcs1_verify, rsa_pss_verify};

/// Verdicts of one set, and what we should have said but did not.
#[derive(Debug)]
struct Tally {
    set: String,
    alg: Alg,
    accepted: u32,
    refused: u32,
    wrong: Vec<String>,
}

impl Tally {
    fn new(set: impl Debug, alg: Alg) -> Self {
        Self { set: format!("{set:?}"), alg, accepted: 0, refused: 0, wrong: Vec::new() }
    }

    /// Compares our verdict with the one that is wanted.
    fn check(
        &mut self,
        (id, comment): (usize, &str),
        key: &PublicJwk,
        signed: &[u8],
        signature: &[u8],
        good: bool,
    ) {
        let wanted = if good { Ok(()) } else { Err(JwsFault::Signature) };
        let said = key.verify(self.alg, signed, signature);
        if said != wanted {
            self.wrong.push(format!("tcId {id} ({comment}): {said:?} instead of {wanted:?}"));
        }
        *(if good { &mut self.accepted } else { &mut self.refused }) += 1;
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let header = json!({"alg": self.alg.as_str()}).to_string();
        let jws = format!("{}.{}.{}", part(header.as_bytes()), part(signed), part(signature));
        let elsewhere = Compact::parse(&jws).and_then(|jws| jws.verify(key, &[self.alg]));
        if elsewhere != Err(JwsFault::Signature) {
            self.wrong.push(format!("tcId {id} ({comment}) as a JWS: {elsewhere:?}"));
        }
    }

    /// `Acceptable` is refused: in these sets it is the PKCS #1 padding without its NULL, which RFC 8017 section 9.2
    /// (note 2) says some old signers left out, and none of JWS does.
    fn verdict(
        &mut self,
        id: (usize, &str),
        key: &PublicJwk,
        signed: &[u8],
        signature: &[u8],
        result: TestResult,
    ) {
        self.check(id, key, signed, signature, result == TestResult::Valid);
    }

    fn done(self, (accepted, refused): (u32, u32)) {
        println!("{}: {} accepted, {} refused", self.set, self.accepted, self.refused);
        assert!(self.wrong.is_empty(), "{}:\n{}", self.set, self.wrong.join("\n"));
        assert_eq!((self.accepted, self.refused), (accepted, refused), "{}", self.set);
    }
}

fn public(jwk: &Value) -> PublicJwk {
    PublicJwk::parse(&jwk.to_string()).unwrap()
}

/// A number without or with leading zeros as one of this length, or of its own.
fn number(bytes: &[u8], length: Option<usize>) -> String {
    let short = &bytes[bytes.iter().take_while(|b| **b == 0).count()..];
    let zeros = length.map_or(0, |length| length - short.len());
    URL_SAFE_NO_PAD.encode([vec![0; zeros], short.to_vec()].concat())
}

fn p256(group: &ecdsa::TestGroup) -> PublicJwk {
    let (x, y) = (&group.key.affine_x, &group.key.affine_y);
    public(&json!({"kty": "EC", "crv": "P-256", "x": number(x, Some(32)), "y": number(y, Some(32))}))
}

#[test]
fn rfc7518_3_4_es256() {
    let name = ecdsa::TestName::EcdsaSecp256r1Sha256P1363;
    let mut tally = Tally::new(name, Alg::Es256);
    for group in ecdsa::TestSet::load(name).unwrap().test_groups {
        let key = p256(&group);
        for test in &group.tests {
            tally.verdict((test.tc_id, &test.comment), &key, &test.msg, &test.sig, test.result);
        }
    }
    tally.done((173, 89));
}

/// The same numbers in DER: refused as they are, good or bad, and judged once they are written as a JWS wants them.
#[test]
fn rfc7518_3_4_es256_out_of_der() {
    let name = ecdsa::TestName::EcdsaSecp256r1Sha256;
    let (mut raw, mut judged, mut no_numbers) =
        (Tally::new(name, Alg::Es256), Tally::new(name, Alg::Es256), 0);
    for group in ecdsa::TestSet::load(name).unwrap().test_groups {
        let key = p256(&group);
        for test in &group.tests {
            let id = (test.tc_id, test.comment.as_str());
            raw.check(id, &key, &test.msg, &test.sig, false);
            if let Some(fixed) = out_of_der(&test.sig) {
                judged.verdict(id, &key, &test.msg, &fixed, test.result);
            } else {
                assert_eq!(
                    test.result,
                    TestResult::Invalid,
                    "tcId {} has two numbers of 32 bytes",
                    test.tc_id
                );
                no_numbers += 1;
            }
        }
    }
    println!("{no_numbers} are no two positive numbers of at most 32 bytes in DER");
    raw.done((0, 484));
    judged.done((174, 310 - no_numbers));
}

/// `SEQUENCE { INTEGER r, INTEGER s }`, in the one way that DER allows, as twice 32 bytes.
fn out_of_der(der: &[u8]) -> Option<[u8; 64]> {
    let [0x30, length, rest @ ..] = der else { return None };
    let (r, rest) = integer((usize::from(*length) == rest.len()).then_some(rest)?)?;
    let (s, rest) = integer(rest)?;
    let mut fixed = [0; 64];
    fixed[32 - r.len()..32].copy_from_slice(r);
    fixed[64 - s.len()..].copy_from_slice(s);
    rest.is_empty().then_some(fixed)
}

/// A positive number of at most 32 bytes without its sign, and what follows.
fn integer(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let [0x02, length @ 1..=33, rest @ ..] = der else { return None };
    let (number, rest) = rest.split_at_checked(usize::from(*length))?;
    let number = match number {
        [0, short @ ..] if short.first().is_some_and(|b| b & 0x80 != 0) => short,
        [0] => number,
        [0x80..=0xff | 0, ..] => return None,
        plain => plain,
    };
    (number.len() <= 32).then_some((number, rest))
}

#[test]
fn rfc8037_3_1_ed25519() {
    let name = eddsa::TestName::Ed25519;
    let mut tally = Tally::new(name, Alg::EdDsa);
    for group in eddsa::TestSet::load(name).unwrap().test_groups {
        let x = URL_SAFE_NO_PAD.encode(&*group.key.pk);
        let key = public(&json!({"kty": "OKP", "crv": "Ed25519", "x": x}));
        for test in &group.tests {
            tally.verdict((test.tc_id, &test.comment), &key, &test.msg, &test.sig, test.result);
        }
    }
    tally.done((88, 63));
}

fn rsa(key: &wycheproof::RsaPublic) -> PublicJwk {
    public(&json!({"kty": "RSA", "n": number(&key.n, None), "e": number(&key.e, None)}))
}

#[test]
fn rfc7518_3_3_rs256() {
    use rsa_pkcs1_verify::TestName as N;
    for (name, counts) in [
        (N::Rsa2048Sha256, (9, 250)),
        (N::Rsa3072Sha256, (8, 251)),
        (N::Rsa4096Sha256, (7, 251)),
        (N::Rsa8192Sha256, (7, 251)),
    ] {
        let mut tally = Tally::new(name, Alg::Rs256);
        for group in rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            let key = rsa(&group.key);
            for test in &group.tests {
                tally.verdict((test.tc_id, &test.comment), &key, &test.msg, &test.sig, test.result);
            }
        }
        tally.done(counts);
    }
}

/// RFC 7518 section 3.5: SHA-256 for both, and a salt as long as the digest. Good signatures with other parameters are
/// as wrong as bad ones.
#[test]
fn rfc7518_3_5_ps256() {
    use rsa_pss_verify::{Test, TestName as N};
    type Good = fn(&Test) -> bool;
    let as_judged = |test: &Test| test.result == TestResult::Valid;
    // Of the set without a salt, one bad signature has ours.
    let salted = |test: &Test| test.comment == "s_len changed to 32";
    let none = |_: &Test| false;
    let sets: [(N, Good, (u32, u32)); 6] = [
        (N::RsaPss2048Sha256Mgf1SaltLen32, as_judged, (63, 45)),
        (N::RsaPss3072Sha256Mgf1SaltLen32, as_judged, (63, 45)),
        (N::RsaPss4096Sha256Mgf1SaltLen32, as_judged, (63, 45)),
        (N::RsaPss2048Sha256Mgf1SaltLen0, salted, (1, 102)),
        (N::RsaPss2048Sha256Mgf1Sha1_20, none, (0, 108)),
        (N::RsaPss2048Sha512_256Mgf1SaltLen32, none, (0, 115)),
    ];
    for (name, good, counts) in sets {
        let mut tally = Tally::new(name, Alg::Ps256);
        for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            let key = rsa(&group.key);
            for test in &group.tests {
                tally.check((test.tc_id, &test.comment), &key, &test.msg, &test.sig, good(test));
            }
        }
        tally.done(counts);
    }
}
