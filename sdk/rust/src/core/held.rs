//! A token, ready to be sent.

use crate::core::windows::Windows;
use crate::dpop::Key;
use crate::seams::Millis;
use crate::secret::Secret;
use http::{HeaderName, HeaderValue, header};
use std::sync::Arc;

/// What an authorized request carries.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// The token; empty for keys.
    pub(crate) token: Secret,
    /// Headers made of it, marked as sensitive.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// The key it is bound to.
    pub(crate) key: Option<Arc<Key>>,
    /// Scope as the issuer said or as it was asked for.
    pub(crate) scope: Option<String>,
    pub(crate) sent_at: Millis,
    pub(crate) windows: Windows,
}

impl Held {
    /// A token as `Authorization`. None: it holds what no header can.
    pub(crate) fn token(
        token: Secret,
        key: Option<Arc<Key>>,
        scope: Option<String>,
        sent_at: Millis,
        windows: Windows,
    ) -> Option<Self> {
        let scheme = if key.is_some() { "DPoP" } else { "Bearer" };
        let mut value = HeaderValue::try_from(format!("{scheme} {}", token.expose())).ok()?;
        value.set_sensitive(true);
        Some(Self { token, headers: vec![(header::AUTHORIZATION, value)], key, scope, sent_at, windows })
    }

    /// Keys: headers as given.
    pub(crate) fn keys(keys: &[(HeaderName, HeaderValue)]) -> Self {
        Self {
            token: Secret::new(""),
            headers: keys.to_vec(),
            key: None,
            scope: None,
            sent_at: 0,
            windows: Windows::default(),
        }
    }

    /// Whether it may be sent.
    pub(crate) fn is_good(&self, now: Millis) -> bool {
        self.windows.usable_until.is_none_or(|until| now < until)
    }

    /// Whether it is to be renewed although it is good.
    pub(crate) fn is_early(&self, now: Millis) -> bool {
        self.windows.renew_at.is_some_and(|at| now >= at)
    }
}
