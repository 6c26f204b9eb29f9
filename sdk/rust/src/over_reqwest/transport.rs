//! Sends the session's own requests.

use super::proxies;
use crate::error::Error;
use crate::seams::{BoxFuture, Transport, TransportError};
use http::{Request, Response};
use std::error::Error as _;
use std::time::Duration;

/// Largest answer of an issuer that is read.
const LARGEST: usize = 1024 * 1024;

/// A transport over reqwest with rustls. Follows no redirect.
#[derive(Clone, Debug)]
pub struct ReqwestTransport {
    client: reqwest::Client,
}

impl ReqwestTransport {
    /// With usual settings, and the proxies of the environment.
    pub fn new() -> Result<Self, Error> {
        Self::from_builder(proxies::usual()?.connect_timeout(Duration::from_secs(10)))
    }
    /// With settings of your own: proxies, roots, client certificates. Redirects are switched off.
    pub fn from_builder(builder: reqwest::ClientBuilder) -> Result<Self, Error> {
        let client = builder.redirect(reqwest::redirect::Policy::none()).build();
        client.map(|client| Self { client }).map_err(|e| Error::misconfigured(in_words(&e)))
    }
}

impl Transport for ReqwestTransport {
    fn send(&self, request: Request<Vec<u8>>) -> BoxFuture<'_, Result<Response<Vec<u8>>, TransportError>> {
        Box::pin(async move {
            let request = reqwest::Request::try_from(request)
                .map_err(|e| TransportError::NotSent(in_words(&e.without_url())))?;
            let failed = |e: reqwest::Error| {
                let is_sent = !e.is_connect() && !e.is_builder();
                let text = in_words(&e.without_url());
                if is_sent { TransportError::Lost(text) } else { TransportError::NotSent(text) }
            };
            let mut response = self.client.execute(request).await.map_err(failed)?;
            let mut answer = Response::new(Vec::new());
            *answer.status_mut() = response.status();
            *answer.headers_mut() = std::mem::take(response.headers_mut());
            while let Some(chunk) = response.chunk().await.map_err(failed)? {
                if answer.body().len() + chunk.len() > LARGEST {
                    return Err(TransportError::Lost("the issuer's answer is too large".to_owned()));
                }
                answer.body_mut().extend_from_slice(&chunk);
            }
            Ok(answer)
        })
    }
}

/// An error with what lies behind it: reqwest's own words end at "error sending request".
pub(super) fn in_words(e: &reqwest::Error) -> String {
    let mut text = e.to_string();
    let mut behind = e.source();
    while let Some(cause) = behind {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        behind = cause.source();
    }
    text
}
