use super::*;
use crate::jose::{JwkFault, Jwt, SigningKey, samples};
use proptest::prelude::*;
use serde_json::json;

const ALL: &[Alg] = &[Alg::Es256, Alg::EdDsa, Alg::Ps256, Alg::Rs256];

/// The public half of a key of the vectors.
fn public(jwk: &Value) -> PublicJwk {
    let mut jwk = jwk.as_object().unwrap().clone();
    for name in ["d", "p", "q", "dp", "dq", "qi"] {
        jwk.remove(name);
    }
    PublicJwk::from_members(&jwk).unwrap()
}

#[test]
fn rfc7515_a_rfc7520_4_rfc8037_a_published_signatures() {
    let names = |vectors: &[Value]| -> Vec<String> {
        vectors.iter().map(|vector| vector["name"].as_str().unwrap().to_owned()).collect()
    };
    let (ours, others): (Vec<_>, Vec<_>) = samples::vectors("jws")
        .into_iter()
        .partition(|vector| Alg::parse(vector["alg"].as_str().unwrap()).is_some());
    assert_eq!(names(&ours), ["RFC 7515 A.2", "RFC 7515 A.3", "RFC 7520 4.1", "RFC 8037 A.4"]);
    for vector in ours {
        let compact = Compact::parse(vector["compact"].as_str().unwrap()).unwrap();
        assert_eq!(compact.header().alg().as_str(), vector["alg"].as_str().unwrap());
        assert_eq!(URL_SAFE_NO_PAD.encode(compact.payload()), vector["payload"].as_str().unwrap());
        let key = public(&vector["key"]);
        assert_eq!(compact.verify(&key, ALL), Ok(()), "{}", vector["name"]);
        assert_eq!(compact.verify(&key, &[]), Err(JwsFault::Algorithm));
        // The RFCs print the private halves, too.
        assert_eq!(PublicJwk::parse(&vector["key"].to_string()), Err(JwkFault::Private));
    }
    // Good or bad, what is left is refused for its algorithm, but for the last, which also wants an extension.
    assert_eq!(others.len(), 7);
    for vector in others {
        let fault = Compact::parse(vector["compact"].as_str().unwrap()).unwrap_err();
        let name = vector["name"].as_str().unwrap();
        let wanted = if name.starts_with("RFC 7515 E") { JwsFault::Critical } else { JwsFault::Algorithm };
        assert_eq!(fault, wanted, "{name}");
        assert!(vector["key"].is_null() || PublicJwk::parse(&vector["key"].to_string()).is_err(), "{name}");
    }
}

#[test]
fn rfc7518_3_5_a_signature_by_another_program() {
    let vector: Value =
        serde_json::from_str(include_str!("../../../tests/vectors/openssl-ps256.json")).unwrap();
    let compact = Compact::parse(vector["compact"].as_str().unwrap()).unwrap();
    assert_eq!(compact.verify(&public(&vector["key"]), &[Alg::Ps256]), Ok(()));
}

#[test]
fn rfc7515_5_2_the_algorithm_is_the_callers_choice() {
    let key = samples::key(Alg::EdDsa);
    let text = key.sign("JWT", &json!({})).unwrap();
    let compact = Compact::parse(&text).unwrap();
    assert_eq!(compact.verify(key.public(), &[Alg::EdDsa]), Ok(()));
    assert_eq!(compact.verify(key.public(), &[Alg::Es256, Alg::Ps256, Alg::Rs256]), Err(JwsFault::Algorithm));
    assert_eq!(compact.verify(samples::key(Alg::Es256).public(), ALL), Err(JwsFault::NoKey));
    assert_eq!(compact.verify(samples::key(Alg::EdDsa).public(), ALL), Err(JwsFault::Signature));
}

#[test]
fn rfc7518_3_5_a_key_for_pss_verifies_no_pkcs1() {
    let pkcs8 = SigningKey::generate(Alg::Ps256).unwrap();
    let [pss, pkcs1] = [Alg::Ps256, Alg::Rs256].map(|alg| SigningKey::from_pkcs8(alg, &pkcs8, None).unwrap());
    assert_eq!(pss.public(), pkcs1.public());
    let text = pkcs1.sign("JWT", &json!({})).unwrap();
    let compact = Compact::parse(&text).unwrap();
    assert_eq!(compact.verify(pkcs1.public(), ALL), Ok(()));
    assert_eq!(compact.verify(pss.public(), ALL), Err(JwsFault::NoKey));
    // Neither does a header that lies about the padding.
    let (_, signature) = text.rsplit_once('.').unwrap();
    let forged =
        samples::compact(&json!({"alg": "PS256"}), &json!({}), &URL_SAFE_NO_PAD.decode(signature).unwrap());
    assert_eq!(Compact::parse(&forged).unwrap().verify(pss.public(), ALL), Err(JwsFault::Signature));
}

#[test]
fn rfc7518_3_4_a_signature_in_der_is_none() {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
    let pkcs8 = SigningKey::generate(Alg::Es256).unwrap();
    let key = SigningKey::from_pkcs8(Alg::Es256, &pkcs8, None).unwrap();
    let der = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &pkcs8).unwrap();
    let text = key.sign("JWT", &json!({})).unwrap();
    let (signed, _) = text.rsplit_once('.').unwrap();
    let signature = der.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    let forged = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
    assert_eq!(Compact::parse(&forged).unwrap().verify(key.public(), ALL), Err(JwsFault::Signature));
    let zeros = format!("{signed}.{}", URL_SAFE_NO_PAD.encode([0; 64]));
    assert_eq!(Compact::parse(&zeros).unwrap().verify(key.public(), ALL), Err(JwsFault::Signature));
}

#[test]
fn rfc7515_4_headers() {
    let parse = |header: Value| Compact::parse(&samples::compact(&header, &json!({}), b"x")).map(|_| ());
    for (header, fault) in [
        (json!({}), JwsFault::Member("alg")),
        (json!({"alg": 1}), JwsFault::Member("alg")),
        (json!({"alg": "none"}), JwsFault::Algorithm),
        (json!({"alg": "HS256"}), JwsFault::Algorithm),
        (json!({"alg": "ES384"}), JwsFault::Algorithm),
        (json!({"alg": "ES256", "crit": []}), JwsFault::Critical),
        (json!({"alg": "ES256", "crit": ["b64"], "b64": false}), JwsFault::Critical),
        (json!({"alg": "ES256", "kid": 7}), JwsFault::Member("kid")),
        (json!({"alg": "ES256", "kid": null}), JwsFault::Member("kid")),
        (json!({"alg": "ES256", "typ": ["JWT"]}), JwsFault::Member("typ")),
        (json!({"alg": "ES256", "jwk": "x"}), JwsFault::Member("jwk")),
        (json!(["ES256"]), JwsFault::Header(JsonFault::NotAnObject)),
    ] {
        assert_eq!(parse(header.clone()), Err(fault), "{header}");
    }
    assert_eq!(parse(json!({"alg": "ES256", "jku": "https://a", "x5u": "https://b", "other": 1})), Ok(()));
    let twice = format!("{}.e30.eA", URL_SAFE_NO_PAD.encode(r#"{"alg":"none","alg":"ES256"}"#));
    assert_eq!(Compact::parse(&twice).unwrap_err(), JwsFault::Header(JsonFault::Repeated));
}

#[test]
fn rfc7515_3_1_forms() {
    let good = samples::compact(&json!({"alg": "ES256"}), &json!({}), b"x");
    assert!(Compact::parse(&good).is_ok());
    let (head, rest) = good.split_once('.').unwrap();
    for bad in [
        String::new(),
        head.to_owned(),
        format!("{head}.{}", rest.split_once('.').unwrap().0),
        format!("{good}.eA"),
        format!("{head}=.{rest}"),
        format!("{good}="),
        format!(" {good}"),
        format!("{good}\n"),
        // The last two bits of `eA` are padding and must be zero.
        format!("{head}.e30.eB"),
    ] {
        assert_eq!(Compact::parse(&bad).unwrap_err(), JwsFault::Form, "{bad}");
    }
    let long = format!("{head}.{}.eA", "A".repeat(LONGEST_JWS));
    assert_eq!(Compact::parse(&long).unwrap_err(), JwsFault::TooLong);
    let payload = samples::compact(&json!({"alg": "ES256"}), &json!(["a"]), b"x");
    assert_eq!(Jwt::parse(&payload).unwrap_err(), JwsFault::Claims(JsonFault::NotAnObject));
}

#[test]
fn r04_a_signed_text_does_not_print() {
    let text = samples::compact(&json!({"alg": "ES256", "kid": "hunter2"}), &json!({"a": "hunter2"}), b"x");
    assert!(!format!("{:?}", Jwt::parse(&text).unwrap()).contains("hunter2"));
}

proptest! {
    #[test]
    fn rfc7515_5_2_a_flipped_bit_anywhere_is_noticed(alg in 0..3_usize, at in any::<prop::sample::Index>(), bit in 0..7_u8) {
        use std::sync::OnceLock;
        static SIGNED: OnceLock<Vec<(SigningKey, String)>> = OnceLock::new();
        let signed = SIGNED.get_or_init(|| {
            let one = |alg| {
                let key = samples::key(alg);
                let text = key.sign("JWT", &json!({"sub": "someone", "exp": 1_562_262_616})).unwrap();
                (key, text)
            };
            [Alg::Es256, Alg::EdDsa, Alg::Ps256].map(one).into()
        });
        let (key, text) = &signed[alg];
        let mut bytes = text.clone().into_bytes();
        bytes[at.index(text.len())] ^= 1 << bit;
        let changed = String::from_utf8(bytes).unwrap();
        let accepted = Jwt::parse(&changed).is_ok_and(|jwt| jwt.verify(key.public(), ALL).is_ok());
        prop_assert!(!accepted, "{changed}");
    }

    #[test]
    fn rfc7515_3_1_nothing_panics(text in "[A-Za-z0-9_.=-]{0,200}", raw in any::<Vec<u8>>()) {
        let _ = Jwt::parse(&text);
        let part = URL_SAFE_NO_PAD.encode(&raw);
        let _ = Jwt::parse(&format!("{part}.{part}.{part}"));
        let _ = Jwt::parse(&format!("eyJhbGciOiJFUzI1NiJ9.{part}.{part}"));
    }
}
