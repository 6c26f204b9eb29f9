//! Finds the server and a token for it: from options, from the environment, or from the data folder of a server on
//! this machine. A bootstrap token found there is exchanged for a real one, once (SECURITY R25).

use super::common::{Common, variable};
use super::fault::Refused;
use super::http::{Call, Server};
use super::out;
use crate::keys::write_secret;
use anyhow::{Context as _, anyhow, bail};
use http::Method;
use mandate_core::Secret;
use mandate_issuer::admin::mint::BOOTSTRAP_TOKEN_PREFIX;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The token that this command line made for itself, in the data folder.
const OWN_TOKEN: &str = "cli.token";

/// A server and how to speak to it.
#[derive(Debug)]
pub(super) struct Access {
    pub(super) server: Server,
    pub(super) token: Secret,
    /// Where the token came from, if from a local server's data folder.
    local: Option<Local>,
}

/// A local server's data folder.
#[derive(Debug)]
struct Local {
    folder: PathBuf,
    url: String,
    token_file: PathBuf,
}

impl Local {
    /// The folder of a server that was started here.
    fn find(folder: PathBuf) -> anyhow::Result<Option<Self>> {
        let file = folder.join("admin.json");
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", file.display())),
        };
        let json: serde_json::Value =
            serde_json::from_str(&text).with_context(|| format!("{} is damaged", file.display()))?;
        let member = |name: &str| {
            json.get(name).and_then(serde_json::Value::as_str).map(str::to_owned).with_context(|| {
                format!("{} says no `{name}`; start the server again to have it written", file.display())
            })
        };
        Ok(Some(Self { url: member("url")?, token_file: folder.join(member("token_file")?), folder }))
    }

    fn own_token(&self) -> Option<Secret> {
        token_in(&self.folder.join(OWN_TOKEN)).ok()
    }
}

fn token_in(file: &Path) -> anyhow::Result<Secret> {
    let text = std::fs::read_to_string(file).with_context(|| format!("the token file {}", file.display()))?;
    let token = text.trim();
    if token.is_empty() || token.contains(char::is_whitespace) {
        bail!("the token file {} does not hold one token", file.display());
    }
    Ok(Secret::new(token))
}

/// The token that was given, by option or by the environment.
fn given_token(common: &Common) -> anyhow::Result<Option<Secret>> {
    if let Some(file) = &common.token_file {
        return token_in(file).map(Some);
    }
    if let Some(given) = &common.token {
        return Ok(Some(given.0.clone()));
    }
    if let Some(file) = variable("MANDATE_TOKEN_FILE") {
        return token_in(Path::new(&file)).map(Some);
    }
    Ok(variable("MANDATE_TOKEN").map(Secret::new))
}

impl Access {
    /// Finds both.
    pub(super) async fn find(common: &Common) -> anyhow::Result<Self> {
        let server = common.server.clone().or_else(|| variable("MANDATE_SERVER"));
        let token = given_token(common)?;
        let folder =
            variable("MANDATE_DATA_DIR").map_or_else(|| PathBuf::from("mandate-data"), PathBuf::from);
        let local = Local::find(folder.clone())?;
        let access = match (server, token, local) {
            (Some(server), Some(token), _) => Self { server: Server::at(&server)?, token, local: None },
            (None, Some(token), Some(local)) => Self { server: Server::at(&local.url)?, token, local: None },
            (Some(server), None, Some(local)) if same(&server, &local.url) => Self::at_local(local).await?,
            (None, None, Some(local)) => Self::at_local(local).await?,
            (Some(server), None, _) => bail!(
                "no token for {server}\n  say --token-file FILE, or set MANDATE_TOKEN_FILE; \
                 `mandate admin create` on the server's machine makes one"
            ),
            (None, _, None) => bail!(
                "no server: there is no ./{} here, and neither --server nor MANDATE_SERVER is given\n  \
                 `mandate serve` in this folder starts one; `mandate demo` shows everything with sample data",
                folder.display()
            ),
        };
        if access.server.is_remote() {
            out::aside(&format!("note: the token travels to {} unencrypted", access.server.address()));
        }
        Ok(access)
    }

    async fn at_local(local: Local) -> anyhow::Result<Self> {
        let server = Server::at(&local.url)?;
        if let Some(token) = local.own_token() {
            return Ok(Self { server, token, local: Some(local) });
        }
        let token = token_in(&local.token_file).with_context(|| {
            format!(
                "there is no token of an administrator in {}; say --token-file FILE",
                local.folder.display()
            )
        })?;
        let mut access = Self { server, token, local: Some(local) };
        if access.token.expose().starts_with(BOOTSTRAP_TOKEN_PREFIX) {
            access.exchange().await?;
        }
        Ok(access)
    }

    /// After a token was turned down: whether there is another one to try.
    pub(super) async fn renew(&mut self, refused: &Refused) -> bool {
        let Some(local) = &self.local else { return false };
        let turned_down = refused.status == http::StatusCode::UNAUTHORIZED
            || refused.text("error") == Some("bootstrap_only");
        if !turned_down {
            return false;
        }
        if let Some(token) = local.own_token().filter(|t| t.digest() != self.token.digest()) {
            self.token = token;
            return true;
        }
        match token_in(&local.token_file) {
            Ok(bootstrap) if bootstrap.expose().starts_with(BOOTSTRAP_TOKEN_PREFIX) => {
                self.token = bootstrap;
                self.exchange().await.is_ok()
            }
            Ok(_) | Err(_) => false,
        }
    }

    /// Makes a real administrator with the bootstrap token, and keeps its token for later commands.
    async fn exchange(&mut self) -> anyhow::Result<()> {
        let Some(local) = &self.local else { return Ok(()) };
        let before = local.own_token().map(|t| t.digest());
        let body = json!({"name": own_name(), "rights": "write"});
        let call = Call { method: Method::POST, path: &["admins"], query: &[], body: Some(&body) };
        match self.server.send(&self.token, &call).await {
            Ok(answer) => {
                let token = answer.json.get("token").and_then(serde_json::Value::as_str);
                let token =
                    token.ok_or_else(|| anyhow!("the server made an administrator and told no token"))?;
                write_secret(&local.folder.join(OWN_TOKEN), token)?;
                let _spent = std::fs::remove_file(&local.token_file);
                self.token = Secret::new(token);
                Ok(())
            }
            Err(error) if error.downcast_ref::<Refused>().is_some() => {
                // another command may be doing the same right now
                for _ in 0..20 {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    if let Some(token) = local.own_token().filter(|t| Some(t.digest()) != before) {
                        self.token = token;
                        return Ok(());
                    }
                }
                Err(error.context(format!(
                    "the bootstrap token in {} is of no use any more; say --token-file with the token of an administrator",
                    local.token_file.display()
                )))
            }
            Err(error) => Err(error),
        }
    }
}

fn same(a: &str, b: &str) -> bool {
    a.trim_end_matches('/') == b.trim_end_matches('/')
}

/// The name of the administrator that this command line makes for itself.
fn own_name() -> String {
    let user = variable("USER").unwrap_or_else(|| "operator".into());
    let user: String =
        user.chars().filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).take(40).collect();
    format!("cli-{user}")
}
