//! The answer to an authorization request, on its way back to the app: in the query of a redirect or in a form that posts
//! itself, plain or signed.

use super::Answer;
use super::answer::{self, Html};
use super::visit::Visit;
use crate::rfc;
use mandate_core::grant::{Carrier, ResponseMode};
use mandate_core::model::Client;
use mandate_core::must;
use serde::Serialize;

/// The one script of all pages. It stands in the page, and the page's policy names its hash: nothing else can run.
pub(super) const SUBMIT: &str = "document.getElementById(\"answer\").submit()";

/// Where and how an answer goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reply<'a> {
    pub(super) redirect_uri: &'a str,
    pub(super) mode: ResponseMode,
    pub(super) client: &'a Client,
}

#[derive(Serialize)]
pub(super) struct FormPostPage<'a> {
    pub(super) action: &'a str,
    pub(super) app: &'a str,
    pub(super) fields: Vec<Field<'a>>,
}

/// A field of the form.
#[derive(Serialize)]
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
}

impl Reply<'_> {
    /// Sends it; parameters without a value are left out. `iss` is among them, or in the signed text.
    pub(super) fn send(&self, visit: &Visit<'_>, parameters: &[(&str, &str)]) -> Answer {
        if self.mode.signed {
            let response = rfc::signed_response(visit.arrival, self.client, parameters)?;
            return self.carry(visit, &[("response", &response)]);
        }
        let is_error = parameters.iter().any(|(name, _)| *name == "error");
        let named = if is_error { must!("rfc9207-2-error") } else { must!("rfc9207-2-code") };
        let issuer = if named { visit.arrival.issuer_url() } else { "" };
        let with_issuer: Vec<(&str, &str)> = parameters.iter().copied().chain([("iss", issuer)]).collect();
        self.carry(visit, &with_issuer)
    }

    fn carry(&self, visit: &Visit<'_>, parameters: &[(&str, &str)]) -> Answer {
        match self.mode.carrier {
            Carrier::Query => Ok(answer::found(&with_query(self.redirect_uri, parameters))),
            Carrier::Fragment => Ok(answer::found(&with_fragment(self.redirect_uri, parameters))),
            Carrier::FormPost => {
                let fields = parameters.iter().filter(|(_, value)| !value.is_empty());
                let page = FormPostPage {
                    action: self.redirect_uri,
                    app: &self.client.name,
                    fields: fields.map(|(name, value)| Field { name, value }).collect(),
                };
                Html::new("form_post.html").form_posts_itself_to(self.redirect_uri).render(visit, page)
            }
        }
    }
}

/// An address with parameters added to its query (RFC 6749 section 4.1.2); empty ones are left out.
pub(super) fn with_query(base: &str, parameters: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters.iter().filter(|(_, value)| !value.is_empty()));
    let query = query.finish();
    let joint = match base.split_once('?') {
        _ if query.is_empty() => "",
        Some((_, "")) => "",
        Some(_) if must!("rfc6749-3.1.2-query") => "&",
        None | Some(_) => "?",
    };
    format!("{base}{joint}{query}")
}

/// An address with parameters as its fragment (RFC 6749 section 4.2.2); empty ones are left out. No redirect URI has a
/// fragment of its own.
pub(super) fn with_fragment(base: &str, parameters: &[(&str, &str)]) -> String {
    let mut fragment = url::form_urlencoded::Serializer::new(String::new());
    fragment.extend_pairs(parameters.iter().filter(|(_, value)| !value.is_empty()));
    format!("{base}#{}", fragment.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6749_4_1_2_parameters_are_added_to_the_query() {
        for (base, expected) in [
            ("http://localhost", "http://localhost?code=x+y&state=%26"),
            ("https://rp/cb?a=b", "https://rp/cb?a=b&code=x+y&state=%26"),
            ("https://rp/cb?", "https://rp/cb?code=x+y&state=%26"),
        ] {
            assert_eq!(with_query(base, &[("code", "x y"), ("state", "&"), ("iss", "")]), expected);
        }
        assert_eq!(with_query("https://rp/cb", &[("state", "")]), "https://rp/cb");
    }

    #[test]
    fn rfc6749_4_2_2_tokens_travel_in_the_fragment() {
        let answer = [("access_token", "a b"), ("state", "&"), ("scope", "")];
        assert_eq!(
            with_fragment("https://rp/cb?x=1", &answer),
            "https://rp/cb?x=1#access_token=a+b&state=%26"
        );
    }
}
