//! Reads where the issuer's endpoints are (RFC 8414, OpenID Connect Discovery).

use super::NoEndpoint;
use crate::core::answer::retry_after;
use crate::core::state::Reason;
use crate::error::NeedsLogin;
use crate::inner::{Inner, locked};
use crate::settings::{Endpoints, is_private};
use http::{HeaderValue, Method, Request, header};
use serde_json::{Map, Value as Json};
use std::sync::Arc;
use url::Url;

impl Inner {
    /// The issuer's metadata, read once.
    pub(crate) async fn discovered(&self) -> Result<Arc<Endpoints>, NoEndpoint> {
        let known = locked(&self.endpoints).clone();
        if let Some(known) = known {
            return Ok(known);
        }
        let Some(issuer) = &self.settings.issuer else {
            return Err(NoEndpoint::never("neither this endpoint nor an issuer is configured"));
        };
        for place in places(issuer) {
            let Some(body) = self.fetch(&place).await? else { continue };
            let found = Arc::new(read(&body, issuer, self.settings.insecure_http)?);
            *locked(&self.endpoints) = Some(Arc::clone(&found));
            return Ok(found);
        }
        Err(NoEndpoint::never("the issuer publishes no metadata"))
    }

    /// None: there is nothing at this address.
    async fn fetch(&self, place: &Url) -> Result<Option<Map<String, Json>>, NoEndpoint> {
        let mut request = Request::new(Vec::new());
        *request.method_mut() = Method::GET;
        *request.uri_mut() = place.as_str().parse().unwrap_or_default();
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let (answer, _sent) = self.send(request).await;
        let passing = |what: String, asked, garbage| NoEndpoint::Passing { what, asked, garbage };
        let response =
            answer.map_err(|e| passing(format!("the issuer's metadata cannot be read: {e}"), None, false))?;
        match response.status().as_u16() {
            200 => match serde_json::from_slice(response.body()) {
                Ok(Json::Object(body)) => Ok(Some(body)),
                _ => Err(passing("the issuer's metadata are not JSON".to_owned(), None, true)),
            },
            status @ (408 | 425 | 429 | 500..) => {
                let asked = retry_after(response.headers(), self.now() + self.with(|m| m.skew));
                Err(passing(format!("the issuer answered {status} for its metadata"), asked, false))
            }
            _ => Ok(None),
        }
    }
}

/// The path of the issuer is behind the well-known one (RFC 8414 section 3.1), or before it (some issuers, and OpenID
/// Connect).
fn places(issuer: &Url) -> Vec<Url> {
    let path = issuer.path().trim_end_matches('/');
    let mut places = vec![
        format!("/.well-known/oauth-authorization-server{path}"),
        format!("{path}/.well-known/oauth-authorization-server"),
        format!("{path}/.well-known/openid-configuration"),
    ];
    places.dedup();
    places
        .iter()
        .map(|path| {
            let mut url = issuer.clone();
            url.set_path(path);
            url.set_query(None);
            url
        })
        .collect()
}

/// An issuer as its name: `url` puts a slash behind a bare host, which names do not have.
pub(crate) fn name(issuer: &Url) -> String {
    issuer.as_str().trim_end_matches('/').to_owned()
}

fn read(body: &Map<String, Json>, issuer: &Url, insecure: bool) -> Result<Endpoints, NoEndpoint> {
    let text = |name: &str| body.get(name).and_then(Json::as_str);
    let named = text("issuer").unwrap_or_default();
    if named.trim_end_matches('/') != name(issuer) {
        let mut needs = NeedsLogin::because(Reason::ClientRefused);
        let named = crate::encoding::tame(named, 200);
        needs.detail =
            Some(format!("the metadata at {} are those of another issuer, `{named}`", name(issuer)));
        return Err(NoEndpoint::Never(Box::new(needs)));
    }
    let endpoint = |name: &str| {
        let Some(text) = text(name) else { return Ok(None) };
        match Url::parse(text) {
            Ok(url) if is_private(&url) || (insecure && url.scheme() == "http") => Ok(Some(url)),
            _ => Err(NoEndpoint::never(format!("the issuer's `{name}` is no address of https"))),
        }
    };
    let flag = |name: &str| body.get(name).and_then(Json::as_bool).unwrap_or(false);
    let methods: Vec<&str> = body
        .get("token_endpoint_auth_methods_supported")
        .and_then(Json::as_array)
        .map(|methods| methods.iter().filter_map(Json::as_str).collect())
        .unwrap_or_default();
    Ok(Endpoints {
        secret_in_body: methods.contains(&"client_secret_post") && !methods.contains(&"client_secret_basic"),
        issuer: Some(named.to_owned()),
        token: endpoint("token_endpoint")?,
        authorization: endpoint("authorization_endpoint")?,
        device: endpoint("device_authorization_endpoint")?,
        revocation: endpoint("revocation_endpoint")?,
        pushed: endpoint("pushed_authorization_request_endpoint")?,
        pushed_required: flag("require_pushed_authorization_requests"),
        iss_announced: flag("authorization_response_iss_parameter_supported"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_goes_behind_or_before() {
        let at = |issuer: &str| {
            places(&Url::parse(issuer).unwrap()).iter().map(Url::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            at("https://a.example/t/1/"),
            [
                "https://a.example/.well-known/oauth-authorization-server/t/1",
                "https://a.example/t/1/.well-known/oauth-authorization-server",
                "https://a.example/t/1/.well-known/openid-configuration"
            ]
        );
        assert_eq!(
            at("https://a.example"),
            [
                "https://a.example/.well-known/oauth-authorization-server",
                "https://a.example/.well-known/openid-configuration"
            ]
        );
    }
}
