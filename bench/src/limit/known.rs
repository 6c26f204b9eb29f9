//! Introspection: the token of a form is hashed and looked up in a set.

use std::rc::Rc;

use anyhow::Result;
use http_body_util::{BodyExt, Collected};
use memchr::memmem;
use sha2::{Digest, Sha256};

/// An answer as long as the server's own.
const ACTIVE: &str = r#"{"active":true,"iss":"http://127.0.0.1:65535","client_id":"0123456789abcdef01234567","scope":"accounts quotes","jti":"0123456789abcdef0123456789abcdef","iat":1767225600,"exp":1767229200,"sub":"0123456789abcdef01234567","token_type":"Bearer"}"#;

/// Answers on `port` for the tokens whose SHA-256 digests are in a file (in hex, one a line).
pub(crate) async fn run(port: u16, digests: &str) -> Result<()> {
    let known = Rc::new(crate::read_digests(digests)?);
    crate::serve(port, move |request| {
        let known = Rc::clone(&known);
        async move {
            let body = request.into_body().collect().await.map(Collected::to_bytes).unwrap_or_default();
            let active =
                token(&body).is_some_and(|token| known.contains(&<[u8; 32]>::from(Sha256::digest(token))));
            Ok(crate::json(if active { ACTIVE } else { r#"{"active":false}"# }, true))
        }
    })
    .await
}

/// The value of `token` in a form.
fn token(form: &[u8]) -> Option<&[u8]> {
    let begin = memmem::find(form, b"token=")? + 6;
    let rest = &form[begin..];
    Some(&rest[..memchr::memchr(b'&', rest).unwrap_or(rest.len())])
}
