//! Sends one request to the issuer: client authentication, proofs, and the repeats that are no retries.

use super::{Form, push};
use crate::core::answer::{Meaning, meaning};
use crate::core::skew;
use crate::dpop::About;
use crate::encoding::{basic, form, http_date};
use crate::inner::{Inner, locked};
use crate::observer::Event;
use crate::seams::{Millis, TransportError, random_text};
use crate::settings::{ClientAuth, origin_text};
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use url::Url;

/// An answer, or why there is none.
pub(crate) type Answer = Result<Response<Vec<u8>>, TransportError>;

/// Nonces in a row that are tried.
const MOST_NONCES: u32 = 2;

impl Inner {
    /// Posts a form with client authentication, and a proof if the session's tokens are bound and `proves`. Repeats it
    /// at once for a nonce, and for a clock that this very answer showed to be wrong. Gives when it was sent.
    pub(crate) async fn post(&self, endpoint: &Url, parameters: Form, proves: bool) -> (Meaning, Millis) {
        let (answer, sent) = self.exchange(endpoint, parameters, proves).await;
        (answer.1, sent)
    }

    /// The same, with the answer itself.
    pub(crate) async fn exchange(
        &self,
        endpoint: &Url,
        parameters: Form,
        proves: bool,
    ) -> ((Answer, Meaning), Millis) {
        let (mut nonces, mut has_set_clock) = (0, false);
        loop {
            let held_skew = self.with(|m| m.skew);
            let (request, signed) = self.request(endpoint, &parameters, proves);
            let (answer, sent) = self.send(request).await;
            let now = self.now();
            let measured = answer.as_ref().ok().and_then(|a| self.measure(a.headers(), sent, now));
            if let Ok(response) = &answer {
                self.keep_nonce(endpoint, response.headers());
            }
            let mut meaning = meaning(&answer, now + self.with(|m| m.skew));
            match &mut meaning {
                Meaning::Nonce if nonces < MOST_NONCES && signed => {
                    nonces += 1;
                    continue;
                }
                Meaning::Refused(refusal) => {
                    let by_clock =
                        matches!(refusal.error.as_deref(), Some("invalid_client" | "invalid_dpop_proof"));
                    let is_wrong = measured.is_some_and(|measured| skew::explains(measured, held_skew));
                    if by_clock && is_wrong && signed && !has_set_clock {
                        has_set_clock = true;
                        continue;
                    }
                    if let Some(said) = &mut refusal.description {
                        *said = self.without_secrets(said, &parameters);
                    }
                }
                _ => {}
            }
            return ((answer, meaning), sent);
        }
    }

    /// Sends, within the time that one request may take.
    pub(crate) async fn send(&self, request: Request<Vec<u8>>) -> (Answer, Millis) {
        let sent = self.now();
        let sending = self.settings.transport.send(request);
        let answer = tokio::time::timeout(self.settings.timeout, sending).await.unwrap_or_else(|_| {
            let seconds = self.settings.timeout.as_secs_f64();
            Err(TransportError::Lost(format!("the issuer did not answer within {seconds} s")))
        });
        (answer, sent)
    }

    fn request(&self, endpoint: &Url, parameters: &Form, proves: bool) -> (Request<Vec<u8>>, bool) {
        let mut parameters = parameters.clone();
        let mut headers = HeaderMap::new();
        let mut signed = false;
        let (key, skew) = self.with(|m| (m.key.clone(), m.skew));
        let issuer_now = (self.now() + skew).div_euclid(1_000);
        match &self.settings.auth {
            ClientAuth::None => self.push_client_id(&mut parameters),
            ClientAuth::Post(secret) => {
                self.push_client_id(&mut parameters);
                push(&mut parameters, "client_secret", secret.expose());
            }
            ClientAuth::Usual(secret) if self.takes_secrets_in_body() => {
                self.push_client_id(&mut parameters);
                push(&mut parameters, "client_secret", secret.expose());
            }
            ClientAuth::Usual(secret) | ClientAuth::Basic(secret) => {
                if let Ok(mut value) = HeaderValue::try_from(basic(&self.settings.client_id, secret.expose()))
                {
                    value.set_sensitive(true);
                    headers.insert(header::AUTHORIZATION, value);
                }
            }
            #[cfg(feature = "crypto")]
            ClientAuth::PrivateKeyJwt(key) => {
                signed = true;
                self.push_client_id(&mut parameters);
                push(
                    &mut parameters,
                    "client_assertion_type",
                    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                );
                let assertion = self.assertion(key, endpoint, issuer_now).unwrap_or_default();
                push(&mut parameters, "client_assertion", &assertion);
            }
        }
        if proves
            && self.settings.dpop
            && let Some(key) = key
        {
            signed = true;
            let about = About {
                method: "POST",
                url: endpoint,
                now: issuer_now,
                jti: random_text(&*self.settings.random, 16),
                nonce: self.nonce_for(endpoint),
                token: None,
            };
            if let Some(proof) = key.proof(&about).and_then(|proof| HeaderValue::try_from(proof).ok()) {
                headers.insert("dpop", proof);
            }
        }
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let mut request = Request::new(form(&parameters).into_bytes());
        *request.method_mut() = Method::POST;
        // Whatever `url` has parsed is a URI.
        *request.uri_mut() = endpoint.as_str().parse().unwrap_or_default();
        *request.headers_mut() = headers;
        (request, signed)
    }

    /// A pushed request names the client in any case.
    fn push_client_id(&self, parameters: &mut Form) {
        if !parameters.iter().any(|(name, _)| name == "client_id") {
            push(parameters, "client_id", &self.settings.client_id);
        }
    }

    /// Who the client is, signed (RFC 7523 section 3). Meant for the issuer, or for the endpoint if its name is unknown.
    #[cfg(feature = "crypto")]
    fn assertion(&self, key: &crate::jwk::SigningKey, endpoint: &Url, now: i64) -> Option<String> {
        use serde_json::{Map, json};
        let known = locked(&self.endpoints).as_ref().and_then(|e| e.issuer.clone());
        let named = self.settings.assertion_audience.clone();
        let audience = named
            .or(known)
            .or_else(|| self.settings.issuer.as_ref().map(crate::ask::discover::name))
            .unwrap_or_else(|| endpoint.as_str().to_owned());
        let id = &self.settings.client_id;
        let claims = json!({
            "iss": id, "sub": id, "aud": audience, "iat": now, "exp": now + 60,
            "jti": random_text(&*self.settings.random, 16),
        });
        let mut header = Map::new();
        header.insert("typ".to_owned(), "JWT".into());
        if let Some(kid) = key.kid() {
            header.insert("kid".to_owned(), kid.into());
        }
        key.sign(header, &claims)
    }

    /// What the answer's `Date` says of the clocks; kept if it is worth it.
    pub(crate) fn measure(&self, headers: &HeaderMap, sent: Millis, received: Millis) -> Option<Millis> {
        let date = headers.get(header::DATE)?.to_str().ok()?;
        let measured = skew::measured(http_date(date)?, sent, received)?;
        let is_new = self.with(|m| {
            let is_new = skew::replaces(measured, m.skew);
            if is_new {
                m.skew = measured;
            }
            is_new
        });
        if is_new {
            self.tell(&Event::Skew { ms: measured });
        }
        Some(measured)
    }

    /// Keeps the nonce of an answer for its origin.
    pub(crate) fn keep_nonce(&self, url: &Url, headers: &HeaderMap) {
        if self.settings.dpop
            && let Some(nonce) = headers.get("dpop-nonce").and_then(|v| v.to_str().ok())
        {
            locked(&self.nonces).insert(origin_text(url), nonce.to_owned());
        }
    }

    /// The nonce for an origin.
    pub(crate) fn nonce_for(&self, url: &Url) -> Option<String> {
        locked(&self.nonces).get(&origin_text(url)).cloned()
    }

    fn takes_secrets_in_body(&self) -> bool {
        locked(&self.endpoints).as_ref().is_some_and(|endpoints| endpoints.secret_in_body)
    }

    /// A text of the issuer without anything secret that was sent to it.
    fn without_secrets(&self, text: &str, parameters: &Form) -> String {
        let public = ["grant_type", "scope", "resource", "client_id", "username", "redirect_uri"];
        let sent = parameters.iter().filter(|(name, _)| !public.contains(&name.as_str()));
        let mut secrets: Vec<String> = sent.map(|(_, value)| value.clone()).collect();
        if let ClientAuth::Usual(secret) | ClientAuth::Basic(secret) | ClientAuth::Post(secret) =
            &self.settings.auth
        {
            secrets.push(secret.expose().to_owned());
        }
        self.with(|m| secrets.extend(m.held.as_ref().map(|held| held.token.expose().to_owned())));
        secrets.retain(|secret| secret.len() >= 4);
        secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "[secret]"))
    }
}
