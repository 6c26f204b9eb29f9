//! A command at work: a server, a token, a platform.

use super::access::Access;
use super::common::{Common, OfPlatform, variable};
use super::fault::Refused;
use super::http::{Answer, Call};
use super::text;
use anyhow::bail;
use http::Method;
use serde_json::Value as Json;

/// What a command works with.
#[derive(Debug)]
pub(super) struct Session {
    access: Access,
    /// Whether it prints JSON.
    pub(super) json: bool,
}

impl Session {
    /// Finds the server.
    pub(super) async fn open(common: &Common) -> anyhow::Result<Self> {
        Ok(Self { access: Access::find(common).await?, json: common.json })
    }

    /// Finds the server, and the platform that is meant.
    pub(super) async fn on(common: &Common, of: &OfPlatform) -> anyhow::Result<(Self, String)> {
        let mut session = Self::open(common).await?;
        let named = of.platform.clone().or_else(|| variable("MANDATE_PLATFORM"));
        let platform = match named {
            Some(named) => named,
            None => session.only_platform().await?,
        };
        Ok((session, platform))
    }

    async fn only_platform(&mut self) -> anyhow::Result<String> {
        let list = self.get(&["platforms"]).await?;
        let ids: Vec<String> = text::items(&list, "items").iter().map(|p| text::of(p, "id")).collect();
        match ids.as_slice() {
            [only] => Ok(only.clone()),
            [] => bail!("there is no platform yet\n  mandate apply platforms/alpaca.toml"),
            several => {
                bail!("there are several platforms; say which: --platform {}", several.join(", --platform "))
            }
        }
    }

    /// Sends a call; with another token if there is one and the first was turned down.
    pub(super) async fn call(&mut self, call: &Call<'_>) -> anyhow::Result<Answer> {
        match self.access.server.send(&self.access.token, call).await {
            Ok(answer) => Ok(answer),
            Err(error) => match error.downcast_ref::<Refused>() {
                Some(refused) if self.access.renew(refused).await => {
                    self.access.server.send(&self.access.token, call).await
                }
                Some(_) | None => Err(error),
            },
        }
    }

    /// `GET` below `/admin/v1`.
    pub(super) async fn get(&mut self, path: &[&str]) -> anyhow::Result<Json> {
        self.find(path, &[]).await
    }
    /// `GET` with a query.
    pub(super) async fn find(&mut self, path: &[&str], query: &[(&str, &str)]) -> anyhow::Result<Json> {
        Ok(self.call(&Call { method: Method::GET, path, query, body: None }).await?.json)
    }
    /// `POST`.
    pub(super) async fn post(&mut self, path: &[&str], body: &Json) -> anyhow::Result<Json> {
        self.send(Method::POST, path, body).await
    }
    /// Another method with a body.
    pub(super) async fn send(&mut self, method: Method, path: &[&str], body: &Json) -> anyhow::Result<Json> {
        Ok(self.call(&Call { method, path, query: &[], body: Some(body) }).await?.json)
    }
    /// `DELETE`.
    pub(super) async fn delete(&mut self, path: &[&str]) -> anyhow::Result<Json> {
        Ok(self.call(&Call { method: Method::DELETE, path, query: &[], body: None }).await?.json)
    }
}
