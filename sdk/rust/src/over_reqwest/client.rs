//! A client for the API.

use super::proxies;
use super::transport::in_words;
use crate::call::{Authorized, Next};
use crate::error::Error;
use crate::session::Session;
use reqwest::{Method, Request, RequestBuilder, Response, ResponseBuilderExt as _, StatusCode, header};
use url::Url;

/// Most redirects that are followed.
const MOST_REDIRECTS: usize = 10;

/// Sends requests with the session's credential. After a 401 that a new token may mend, the request is sent again.
/// Redirects to another origin lose the credential.
///
/// Cloning is cheap, and clones share connections.
#[derive(Clone, Debug)]
pub struct Client {
    session: Session,
    client: reqwest::Client,
}

/// Why a call came to no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// There is no token.
    #[error(transparent)]
    Session(#[from] Error),
    /// There is one, and the API could not be reached.
    #[error("{}", in_words(.0))]
    Http(#[from] reqwest::Error),
}

impl Client {
    /// With usual settings, and the proxies of the environment.
    pub fn new(session: &Session) -> Result<Self, Error> {
        Self::from_builder(session, proxies::usual()?)
    }
    /// With settings of your own; proxies are then those of the builder. Its policy for redirects is replaced by ours.
    pub fn from_builder(session: &Session, builder: reqwest::ClientBuilder) -> Result<Self, Error> {
        let client = builder.redirect(reqwest::redirect::Policy::none()).build();
        let client = client.map_err(|e| Error::misconfigured(in_words(&e)))?;
        Ok(Self { session: session.clone(), client })
    }
    /// The session.
    pub fn session(&self) -> &Session {
        &self.session
    }
    /// Begins a request, to be given to [`execute`](Self::execute) or [`send`](Self::send).
    pub fn request(&self, method: Method, url: impl reqwest::IntoUrl) -> RequestBuilder {
        self.client.request(method, url)
    }
    /// GET.
    pub async fn get(&self, url: impl reqwest::IntoUrl) -> Result<Response, CallError> {
        self.send(self.request(Method::GET, url)).await
    }
    /// Sends what was begun with [`request`](Self::request).
    pub async fn send(&self, request: RequestBuilder) -> Result<Response, CallError> {
        self.execute(request.build()?).await
    }

    /// Sends a request: authorizes it, and sends it again where that helps. An answer, whatever its status, is the
    /// program's. A body that is a stream cannot be sent twice: a 401 is then returned, and the next call has a new token.
    pub async fn execute(&self, mut request: Request) -> Result<Response, CallError> {
        let mut call = self.session.authorize(request.method(), request.url()).await.map(Some)?;
        let mut hops = 0;
        loop {
            let spare = request.try_clone();
            if let Some(call) = &call {
                call.apply(request.headers_mut());
            }
            let was = request.url().clone();
            let response = self.client.execute(request).await.map_err(reqwest::Error::without_url)?;
            let Some(spare) = spare else {
                return self.returned(call.as_ref(), response, false).await.map(|(response, _)| response);
            };
            let (response, again) = self.returned(call.as_ref(), response, true).await?;
            if let Some(next) = again {
                call = Some(*next);
                request = spare;
                continue;
            }
            match redirected(&response, spare) {
                Some(next) if hops < MOST_REDIRECTS => {
                    hops += 1;
                    request = next;
                    let stays = call.is_some() && request.url().origin() == was.origin();
                    call = if stays {
                        Some(self.session.authorize(request.method(), request.url()).await?)
                    } else {
                        for name in call.iter().flat_map(|call| call.headers().keys()) {
                            request.headers_mut().remove(name);
                        }
                        for name in [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION] {
                            request.headers_mut().remove(name);
                        }
                        None
                    };
                }
                _ => return Ok(response),
            }
        }
    }

    /// Tells the session of an answer. Of a 401 the body is read, and put back.
    async fn returned(
        &self,
        call: Option<&Authorized>,
        response: Response,
        repeatable: bool,
    ) -> Result<(Response, Option<Box<Authorized>>), CallError> {
        let Some(call) = call else { return Ok((response, None)) };
        let (status, headers) = (response.status(), response.headers().clone());
        if status != StatusCode::UNAUTHORIZED {
            self.session.answered(call, status, &headers, &[], repeatable).await?;
            return Ok((response, None));
        }
        let (url, version) = (response.url().clone(), response.version());
        let body = response.bytes().await.map_err(reqwest::Error::without_url)?;
        let mut whole = http::Response::builder().status(status).version(version).url(url);
        if let Some(all) = whole.headers_mut() {
            all.clone_from(&headers);
        }
        // Status and headers come from a response: they are fit for one.
        let response = Response::from(whole.body(body.clone()).unwrap_or_default());
        match self.session.answered(call, status, &headers, &body, repeatable).await? {
            Next::Return => Ok((response, None)),
            Next::Again(next) => Ok((response, Some(next))),
        }
    }
}

/// The request that a redirect asks for (RFC 9110 section 15.4).
fn redirected(response: &Response, mut request: Request) -> Option<Request> {
    let status = response.status().as_u16();
    if !matches!(status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let place: &str = response.headers().get(header::LOCATION)?.to_str().ok()?;
    let mut next: Url = request.url().join(place).ok()?;
    if !matches!(next.scheme(), "http" | "https") {
        return None;
    }
    if next.fragment().is_none() {
        next.set_fragment(request.url().fragment());
    }
    let is_post = *request.method() == Method::POST;
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD);
    if (status == 303 && !is_safe) || (matches!(status, 301 | 302) && is_post) {
        *request.method_mut() = Method::GET;
        *request.body_mut() = None;
        for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
            request.headers_mut().remove(name);
        }
    }
    *request.url_mut() = next;
    Some(request)
}
