use mandate_core::*;
use mandate_wire::identity::*;
use tokio::time::Instant;
fn main() {
    let key = IdentityKey::new(&[1; 32]);
    let scopes = ScopeSet::parse("trading").unwrap();
    let said = Said { iss: "http://issuer.test", aud: "sample", sub: "a5f7c0de-0000-4000-8000-000000000001", kind: "key", env: "paper", client: "app", grant: "g12", scope: Some(&scopes), htm: "GET", htu: "/v2/account", at: Timestamp::from_seconds(1_790_000_000) };
    let mut out = Vec::with_capacity(2048);
    for _ in 0..3 {
        let n = 500_000;
        let t = Instant::now();
        for _ in 0..n { out.clear(); key.sign_into(&mut out, std::hint::black_box(&said)); }
        println!("sign_into {} ns, {} bytes", t.elapsed().as_nanos() / n, out.len());
        let t = Instant::now();
        for _ in 0..n { std::hint::black_box(Digest::of(std::hint::black_box(b"secret-of-forty-characters-aaaaaaaaaaaaa"))); }
        println!("digest {} ns", t.elapsed().as_nanos() / n);
        let k = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &[1; 32]);
        let data = vec![7u8; out.len()];
        let t = Instant::now();
        for _ in 0..n { std::hint::black_box(aws_lc_rs::hmac::sign(&k, std::hint::black_box(&data))); }
        println!("hmac {} ns", t.elapsed().as_nanos() / n);
        let t = Instant::now();
        for _ in 0..n { std::hint::black_box(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, std::hint::black_box(&data))); }
        println!("aws sha256 {} ns", t.elapsed().as_nanos() / n);
        let t = Instant::now();
        for _ in 0..n { std::hint::black_box(Digest::of(std::hint::black_box(&data))); }
        println!("sha2 {} ns", t.elapsed().as_nanos() / n);
    }
}
