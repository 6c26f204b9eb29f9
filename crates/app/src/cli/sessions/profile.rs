//! What a session is, kept in a file of its own: settings, and the places of secrets rather than the secrets.

use super::outside::Direct;
use super::trying::Trying;
use crate::keys::write_secret;
use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use mandate_session::{Builder, FileStore, Secret, Session};
use serde::{Deserialize, Serialize};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Settings as they are given on the command line.
#[derive(Args, Debug)]
pub(super) struct Settings {
    /// The issuer's address; its endpoints are read from its metadata
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The token endpoint, where an issuer has no metadata
    #[arg(long, value_name = "URL")]
    token_endpoint: Option<String>,
    /// The address where people sign in, where an issuer has no metadata
    #[arg(long, value_name = "URL")]
    authorization_endpoint: Option<String>,
    /// The client
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    client_id: Option<String>,
    /// How a token is had
    #[arg(long, value_name = "GRANT", conflicts_with = "device")]
    #[arg(value_parser = ["authorization_code", "device", "client_credentials", "password", "refresh_token"])]
    grant: Option<String>,
    /// A person signs in on another device
    #[arg(long)]
    device: bool,
    /// Scopes, separated by spaces
    #[arg(long)]
    scope: Option<String>,
    /// What the token is for (RFC 8707); may be given several times
    #[arg(long, value_name = "URI")]
    resource: Vec<String>,
    /// A further parameter of token requests; may be given several times
    #[arg(long, value_name = "NAME=VALUE")]
    extra: Vec<String>,
    /// A file with the client's secret; `-` reads it from standard input and keeps it beside the session
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// Send the client's secret in the body
    #[arg(long, requires = "client_secret_file")]
    secret_in_body: bool,
    /// A file with the client's private key as a JWK, in place of a secret
    #[arg(long, value_name = "FILE", conflicts_with = "client_secret_file")]
    private_key_file: Option<PathBuf>,
    /// The name to sign on with (grant password)
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// A file with the password; `-` as above
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// A file with the first refresh token; `-` as above
    #[arg(long, value_name = "FILE")]
    refresh_token_file: Option<PathBuf>,
    /// Let secrets travel over plain HTTP to other machines
    #[arg(long)]
    insecure_http: bool,
}

impl Settings {
    /// Whether there are any.
    pub(super) fn are_given(&self) -> bool {
        self.issuer.is_some() || self.token_endpoint.is_some() || self.client_id.is_some()
    }
}

/// The file.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    grant: String,
    client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    resource: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    extra: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret_file: Option<PathBuf>,
    #[serde(default)]
    secret_in_body: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    private_key_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token_file: Option<PathBuf>,
    #[serde(default)]
    insecure_http: bool,
}

/// A session's settings and where they are.
#[derive(Debug)]
pub(super) struct Profile {
    name: String,
    folder: PathBuf,
    kept: Kept,
    /// Secrets from standard input, and the files that they go to once the sign-in succeeded.
    read: Vec<(PathBuf, Secret)>,
}

impl Profile {
    /// From the command line. Refuses a name that is another session's.
    pub(super) fn new(name: &str, given: &Settings) -> anyhow::Result<Self> {
        let folder = folder()?;
        FileStore::open(&folder, name)?;
        let grant = match (&given.grant, given.device) {
            (Some(grant), _) => grant.clone(),
            (None, true) => "device".to_owned(),
            (None, false) if given.refresh_token_file.is_some() => "refresh_token".to_owned(),
            (None, false) => "authorization_code".to_owned(),
        };
        let mut read = Vec::new();
        let mut place = |given: &Option<PathBuf>, ending: &str| -> anyhow::Result<Option<PathBuf>> {
            let Some(given) = given else { return Ok(None) };
            if given.as_os_str() == "-" {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text)?;
                let file = folder.join(format!("{name}.{ending}"));
                read.push((file.clone(), secret_of(&text).context("standard input")?));
                return Ok(Some(file));
            }
            let file = std::path::absolute(given)?;
            secret_in(&file)?;
            Ok(Some(file))
        };
        let extra = given.extra.iter().map(|pair| {
            let parts = pair.split_once('=').ok_or_else(|| anyhow!("`{pair}` is not NAME=VALUE"))?;
            Ok((parts.0.to_owned(), parts.1.to_owned()))
        });
        let kept = Kept {
            client_id: given.client_id.clone().ok_or_else(|| anyhow!("--client-id is needed"))?,
            issuer: given.issuer.clone(),
            token_endpoint: given.token_endpoint.clone(),
            authorization_endpoint: given.authorization_endpoint.clone(),
            scope: given.scope.clone(),
            resource: given.resource.clone(),
            extra: extra.collect::<anyhow::Result<_>>()?,
            client_secret_file: place(&given.client_secret_file, "secret")?,
            secret_in_body: given.secret_in_body,
            private_key_file: place(&given.private_key_file, "key")?,
            username: given.username.clone(),
            password_file: place(&given.password_file, "password")?,
            refresh_token_file: place(&given.refresh_token_file, "refresh")?,
            insecure_http: given.insecure_http,
            grant,
        };
        let profile = Self { name: name.to_owned(), folder, kept, read };
        match Self::find(name) {
            Ok(other) if other.kept != profile.kept => {
                bail!("{name} is another session\n  mandate logout {name} ends it")
            }
            _ => Ok(profile),
        }
    }

    /// One that was signed in to before.
    pub(super) fn find(name: &str) -> anyhow::Result<Self> {
        let folder = folder()?;
        // Checks the name before it becomes a path.
        FileStore::open(&folder, name)?;
        let file = folder.join(format!("{name}.profile"));
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                bail!("there is no session {name} in {}\n  mandate login {name}", folder.display())
            }
            Err(e) => return Err(e).with_context(|| format!("{} cannot be read", file.display())),
        };
        let kept = serde_json::from_str(&text).with_context(|| format!("{} is damaged", file.display()))?;
        Ok(Self { name: name.to_owned(), folder, kept, read: Vec::new() })
    }

    /// Whether nobody has signed in by this name.
    pub(super) fn is_new(&self) -> bool {
        !self.file("profile").exists()
    }

    /// Where it is kept.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn grant(&self) -> &str {
        &self.kept.grant
    }

    /// The session that it describes.
    pub(super) fn session(&self, trying: Trying) -> anyhow::Result<Session> {
        let store = FileStore::open(&self.folder, &self.name)?;
        Ok(trying.over(self.builder()?).transport(Direct::new()?).store(store).build()?)
    }

    /// A session that shares nothing with anybody, to try secrets that would replace others. None if they can be tried by
    /// signing in only, which might displace the sign-on that stands, or if there is nothing to try.
    pub(super) fn trial(&self, trying: Trying) -> anyhow::Result<Option<Session>> {
        if self.is_new() || self.read.is_empty() || self.kept.grant != "client_credentials" {
            return Ok(None);
        }
        Ok(Some(trying.over(self.builder()?).transport(Direct::new()?).build()?))
    }

    fn builder(&self) -> anyhow::Result<Builder> {
        let kept = &self.kept;
        let secret = |file: &Path| match self.read.iter().find(|(place, _)| place == file) {
            Some((_, read)) => Ok(read.clone()),
            None => secret_in(file),
        };
        let needed = |file: &Option<PathBuf>, option: &str| {
            secret(file.as_ref().ok_or_else(|| anyhow!("--{option} is needed for this grant"))?)
        };
        let mut builder: Builder = match kept.grant.as_str() {
            "authorization_code" => Session::authorization_code(&kept.client_id),
            "device" => Session::device(&kept.client_id),
            "client_credentials" => Session::client_credentials_without_secret(&kept.client_id),
            "refresh_token" => Session::refresh_token(
                &kept.client_id,
                needed(&kept.refresh_token_file, "refresh-token-file")?,
            ),
            "password" => Session::password(
                &kept.client_id,
                kept.username.as_ref().ok_or_else(|| anyhow!("--username is needed for this grant"))?,
                needed(&kept.password_file, "password-file")?,
            ),
            other => bail!("{other} is no grant"),
        };
        builder = [
            (&kept.issuer, Builder::issuer as fn(Builder, String) -> Builder),
            (&kept.token_endpoint, Builder::token_endpoint),
            (&kept.authorization_endpoint, Builder::authorization_endpoint),
            (&kept.scope, Builder::scope),
        ]
        .into_iter()
        .fold(builder, |builder, (value, set)| match value {
            Some(value) => set(builder, value.clone()),
            None => builder,
        });
        builder = kept.resource.iter().fold(builder, Builder::resource);
        builder = kept.extra.iter().fold(builder, |builder, (name, value)| builder.extra(name, value));
        if let Some(file) = &kept.client_secret_file {
            builder = builder.client_secret(secret(file)?);
        }
        if kept.secret_in_body {
            builder = builder.secret_in_body();
        }
        if let Some(file) = &kept.private_key_file {
            builder = builder.private_key_jwt(secret(file)?);
        }
        if kept.insecure_http {
            builder = builder.insecure_http();
        }
        Ok(builder)
    }

    /// Keeps it, with what was read from standard input.
    pub(super) fn write(&self) -> anyhow::Result<()> {
        for (file, secret) in &self.read {
            write_secret(file, secret.expose())?;
        }
        write_secret(&self.file("profile"), &serde_json::to_string_pretty(&self.kept)?)
    }

    /// Forgets it, with what was read from standard input. Files that were named stay.
    pub(super) fn remove(&self) -> anyhow::Result<()> {
        for ending in ["secret", "key", "password", "refresh", "profile"] {
            match std::fs::remove_file(self.file(ending)) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(e).with_context(|| format!("{} stays", self.file(ending).display()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn file(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", self.name))
    }
}

/// Where sessions are: `MANDATE_SESSIONS`, else the folder for state of the XDG base directories.
fn folder() -> anyhow::Result<PathBuf> {
    let set = |name: &str| super::super::common::variable(name).map(PathBuf::from);
    if let Some(folder) = set("MANDATE_SESSIONS") {
        return Ok(folder);
    }
    let state = set("XDG_STATE_HOME").filter(|path| path.is_absolute());
    let state = state.or_else(|| set("HOME").map(|home| home.join(".local/state")));
    let state = state.ok_or_else(|| anyhow!("neither MANDATE_SESSIONS nor HOME says where sessions are"))?;
    Ok(state.join("mandate/sessions"))
}

/// The secret in a file, without the line's end.
fn secret_in(file: &Path) -> anyhow::Result<Secret> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    secret_of(&text).with_context(|| file.display().to_string())
}

fn secret_of(text: &str) -> anyhow::Result<Secret> {
    match text.trim() {
        "" => bail!("there is no secret in it"),
        text => Ok(text.into()),
    }
}
