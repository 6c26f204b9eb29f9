//! `mandate login`, `mandate token`, `mandate logout`: sessions at any issuer, for shells and for programs in any
//! language. Many processes may use one at once; they share one renewal.

mod outside;
mod profile;
mod trying;
mod way;

use super::out::{self, Out};
use anyhow::Context as _;
use clap::Args;
use mandate_session::{Error, Session};
use profile::{Profile, Settings};
use serde_json::json;
use std::process::ExitCode;
use trying::Trying;

/// Exit code when somebody must act.
const SOMEBODY: u8 = 3;
/// Exit code when it can be tried again.
const LATER: u8 = 4;

/// Arguments of `mandate login`.
#[derive(Args, Debug)]
#[command(after_help = "A session that was signed in to before needs no settings: `mandate login NAME`.\n\
    Exit codes: 0 signed in, 3 somebody must act, 4 try again later, 1 anything else.")]
pub(crate) struct Login {
    /// What the session is called: 1 to 64 of a-z 0-9 . _ -
    name: String,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    trying: Trying,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `mandate token`.
#[derive(Args, Debug)]
#[command(after_help = "curl -H \"Authorization: Bearer $(mandate token NAME)\" URL\n\
    Exit codes: 0 here it is, 3 somebody must act, 4 try again later, 1 anything else.")]
pub(crate) struct Token {
    /// The session
    name: String,
    #[command(flatten)]
    trying: Trying,
    /// Print JSON: the token, its type, scope and end
    #[arg(long)]
    json: bool,
    /// Print the header line
    #[arg(long, conflicts_with = "json")]
    header: bool,
}

/// Arguments of `mandate logout`.
#[derive(Args, Debug)]
pub(crate) struct Logout {
    /// The session
    name: String,
}

/// Signs in, and remembers how. What did not succeed is not remembered.
pub(crate) async fn login(args: Login, out: &mut Out) -> anyhow::Result<ExitCode> {
    let profile = if args.settings.are_given() {
        Profile::new(&args.name, &args.settings)?
    } else {
        Profile::find(&args.name).with_context(|| {
            format!("mandate login {} --issuer URL --client-id ID begins a new one", args.name)
        })?
    };
    // The token that is kept may be live, and needs no secret.
    if let Some(trial) = profile.trial(args.trying)? {
        if let Err(error) = trial.token().await {
            return Ok(failed(&args.name, &error));
        }
        trial.logout().await;
    }
    let session = profile.session(args.trying)?;
    if let Err(error) = signed_in(&session, &profile).await {
        if profile.is_new() {
            session.logout().await;
        }
        return Ok(failed(&args.name, &error));
    }
    profile.write()?;
    Ok(said(&session, &profile, &args, out).await)
}

async fn signed_in(session: &Session, profile: &Profile) -> Result<(), Error> {
    match profile.grant() {
        "authorization_code" => {
            session
                .login_by_loopback(|address| {
                    out::aside(&format!("Open this address in a browser on this machine:\n\n  {address}\n"));
                })
                .await
        }
        "device" => {
            let login = session.login_by_device().await?;
            out::aside(&match login.verification_uri_complete() {
                Some(complete) => {
                    format!("Open {complete}\nand compare the code: {}", login.user_code())
                }
                None => format!("Open {}\nand type the code {}", login.verification_uri(), login.user_code()),
            });
            login.finish().await
        }
        _ => session.token().await.map(|_| ()),
    }
}

/// Says what was signed in to.
async fn said(session: &Session, profile: &Profile, args: &Login, out: &mut Out) -> ExitCode {
    let token = match session.token().await {
        Ok(token) => token,
        Err(error) => return failed(&args.name, &error),
    };
    if args.json {
        out.json(&json!({
            "name": args.name, "folder": profile.folder(), "scope": token.scope(), "ends_at": ends_at(token.ends_at()),
        }));
    } else {
        out.line(&format!("signed in: {}, kept in {}", args.name, profile.folder().display()));
        out.line(&format!("  curl -H \"Authorization: Bearer $(mandate token {})\" URL", args.name));
    }
    ExitCode::SUCCESS
}

/// Prints a token that is good now.
pub(crate) async fn token(args: Token, out: &mut Out) -> anyhow::Result<ExitCode> {
    let session = Profile::find(&args.name)?.session(args.trying)?;
    let token = match session.token().await {
        Ok(token) => token,
        Err(error) => return Ok(failed(&args.name, &error)),
    };
    let secret = token.secret().expose();
    if args.json {
        out.json(&json!({
            "access_token": secret, "token_type": token.token_type(), "scope": token.scope(),
            "ends_at": ends_at(token.ends_at()),
        }));
    } else if args.header {
        out.raw(&format!("Authorization: {} {secret}\n", token.token_type()));
    } else {
        out.raw(&format!("{secret}\n"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Gives the tokens back and forgets the session.
pub(crate) async fn logout(args: Logout, out: &mut Out) -> anyhow::Result<ExitCode> {
    let profile = Profile::find(&args.name)?;
    profile.session(Trying::default())?.logout().await;
    profile.remove()?;
    out.line(&format!("signed out: {}", args.name));
    Ok(ExitCode::SUCCESS)
}

/// RFC 3339, in whole seconds.
fn ends_at(at: Option<i64>) -> Option<String> {
    Some(mandate_core::format::rfc3339(mandate_core::Timestamp::from_millis(at?)))
}

/// Says on standard error why there is no token, and who can help.
fn failed(name: &str, error: &Error) -> ExitCode {
    out::aside(&format!("mandate: {error}"));
    match error {
        Error::NeedsLogin(needs) => {
            use mandate_session::Reason as R;
            if !matches!(needs.reason, R::ClientRefused | R::KeyRefused) {
                out::aside(&format!("  mandate login {name}"));
            }
            ExitCode::from(SOMEBODY)
        }
        Error::Unavailable(_) => ExitCode::from(LATER),
        _ => ExitCode::FAILURE,
    }
}
