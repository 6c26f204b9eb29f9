//! A document that does not change: JWKS, metadata.

use anyhow::{Context, Result};
use bytes::Bytes;

/// Serves the bytes of a file on `port`, whatever is asked.
pub(crate) async fn run(port: u16, file: &str) -> Result<()> {
    let document = Bytes::from(std::fs::read(file).with_context(|| format!("cannot read {file}"))?);
    crate::serve(port, move |_request| {
        let document = document.clone();
        async move { Ok(crate::json(document, true)) }
    })
    .await
}
