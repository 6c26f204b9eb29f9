use super::*;
use crate::jose::samples;
use serde_json::json;

fn with(mut jwk: Value, name: &str, value: Value) -> Result<PublicJwk, JwkFault> {
    jwk[name] = value;
    PublicJwk::from_members(jwk.as_object().unwrap())
}

#[test]
fn rfc7638_3_thumbprints_of_the_rfcs() {
    let vectors = samples::vectors("thumbprints");
    assert_eq!(vectors.len(), 3);
    for vector in vectors {
        let key = PublicJwk::from_members(vector["jwk"].as_object().unwrap()).unwrap();
        assert_eq!(key.thumbprint(), vector["sha256"].as_str().unwrap(), "{}", vector["name"]);
        let again = PublicJwk::from_members(key.to_json().as_object().unwrap()).unwrap();
        assert_eq!((&again, key.to_json()["use"].as_str()), (&key, Some("sig")));
    }
}

#[test]
fn rfc7518_6_2_coordinates_have_their_length_and_lie_on_the_curve() {
    let ec = samples::vectors("thumbprints")[2]["jwk"].clone();
    assert!(PublicJwk::from_members(ec.as_object().unwrap()).is_ok());
    let x = ec["x"].as_str().unwrap().to_owned();
    for bad in [
        format!("{x}="),
        format!("AA{x}"),
        x[..40].to_owned(),
        format!(" {x}"),
        x.replace('-', "+"),
        String::new(),
    ] {
        assert_eq!(with(ec.clone(), "x", bad.clone().into()), Err(JwkFault::Member("x")), "{bad}");
    }
    assert_eq!(with(ec.clone(), "x", ec["y"].clone()), Err(JwkFault::Point));
    assert_eq!(with(ec.clone(), "y", json!(1)), Err(JwkFault::Member("y")));
    assert_eq!(with(ec.clone(), "y", Value::Null), Err(JwkFault::Member("y")));
    assert_eq!(with(ec.clone(), "crv", Value::Null), Err(JwkFault::Member("crv")));
    assert_eq!(PublicJwk::parse(r#"{"kty":"EC"}"#), Err(JwkFault::Member("crv")));
    assert_eq!(PublicJwk::parse("{}"), Err(JwkFault::Member("kty")));
    for (name, value) in [("crv", "P-384"), ("crv", "Ed25519"), ("kty", "OKP"), ("kty", "oct"), ("kty", "ec")]
    {
        assert_eq!(with(ec.clone(), name, value.into()), Err(JwkFault::KeyType), "{name} {value}");
    }
}

#[test]
fn rfc7517_4_a_key_for_something_else_is_refused() {
    let ec = samples::vectors("thumbprints")[2]["jwk"].clone();
    for (name, value, fault) in [
        ("use", json!("enc"), JwkFault::Purpose("use")),
        ("use", json!(1), JwkFault::Member("use")),
        ("key_ops", json!(["sign"]), JwkFault::Purpose("key_ops")),
        ("key_ops", json!("verify"), JwkFault::Member("key_ops")),
        ("alg", json!("ES384"), JwkFault::Purpose("alg")),
        ("alg", json!("PS256"), JwkFault::Purpose("alg")),
        ("alg", json!("ECDH-ES"), JwkFault::Purpose("alg")),
        ("kid", json!("k".repeat(257)), JwkFault::Member("kid")),
    ] {
        assert_eq!(with(ec.clone(), name, value.clone()), Err(fault), "{name} {value}");
    }
    for (name, value) in [("use", json!("sig")), ("key_ops", json!(["verify"])), ("alg", json!("ES256"))] {
        assert!(with(ec.clone(), name, value).is_ok());
    }
}

#[test]
fn rfc9449_4_3_7_private_members_are_refused() {
    for name in PRIVATE {
        let ec = samples::vectors("thumbprints")[2]["jwk"].clone();
        assert_eq!(with(ec, name, json!("AA")), Err(JwkFault::Private), "{name}");
    }
}

#[test]
fn rfc7518_6_3_rsa_sizes() {
    let rsa = samples::vectors("thumbprints")[0]["jwk"].clone();
    let number = |bytes: &[u8]| Value::from(URL_SAFE_NO_PAD.encode(bytes));
    let odd = |len: usize, first: u8| {
        let mut n = vec![0xff; len];
        n[0] = first;
        n
    };
    let n = |bytes: &[u8]| with(rsa.clone(), "n", number(bytes)).map(|_| ());
    let e = |bytes: &[u8]| with(rsa.clone(), "e", number(bytes)).map(|_| ());
    assert_eq!(n(&odd(256, 0x80)), Ok(()));
    assert_eq!(n(&odd(256, 0x7f)), Err(JwkFault::Size));
    assert_eq!(n(&odd(1024, 0xff)), Ok(()));
    assert_eq!(n(&odd(1025, 1)), Err(JwkFault::Size));
    assert_eq!(n(&odd(257, 0)), Err(JwkFault::Member("n")));
    assert_eq!(n(&vec![0x80; 256]), Err(JwkFault::Size));
    assert_eq!(n(&[]), Err(JwkFault::Size));
    assert_eq!(e(&[3]), Ok(()));
    for bad in [&[1][..], &[2], &[4], &[], &[1, 0, 0], &[2, 0, 0, 0, 1]] {
        assert_eq!(e(bad), Err(JwkFault::Size), "{bad:?}");
    }
    assert_eq!(e(&[0, 1, 0, 1]), Err(JwkFault::Member("e")));
}

#[test]
fn rfc8037_2_small_points_are_refused() {
    let okp = samples::vectors("thumbprints")[1]["jwk"].clone();
    let zero = URL_SAFE_NO_PAD.encode([0; 32]);
    assert_eq!(with(okp.clone(), "x", zero.into()), Err(JwkFault::Point));
    assert_eq!(with(okp, "crv", json!("X25519")), Err(JwkFault::KeyType));
}

#[test]
fn rfc7517_4_names_stand_once() {
    let text = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"a","kid":"b"}"#;
    assert_eq!(PublicJwk::parse(text), Err(JwkFault::Json(strict::JsonFault::Repeated)));
}
