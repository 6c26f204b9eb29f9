//! The commands that speak to a server, and `check`, which needs none. They use the admin API like any other program:
//! the same tokens, the same rights, the same audit record. `login`, `token` and `logout` are for programs that use APIs,
//! and speak to any issuer.

mod access;
mod account;
mod admin;
mod apply;
mod audit;
mod busy;
mod check;
mod client;
mod common;
mod duration;
mod explain;
mod export;
mod fault;
mod grant;
mod http;
mod key;
mod legacy;
mod out;
mod partner;
mod plan;
mod platform;
mod session;
mod sessions;
mod signing_key;
mod text;
mod user;

use clap::Subcommand;
use out::Out;
use std::process::ExitCode;

/// Commands for operators, and for whoever needs a token.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what a platform file would change, and apply it.
    Apply(apply::Apply),
    /// Check platform files and configurations; needs no server.
    Check(check::Check),
    /// Print a platform file as it was applied.
    Export(export::Export),
    /// Say why a request was refused, by the id in its answer.
    Explain(explain::Explain),
    /// Platforms in force.
    Platform(platform::Platform),
    /// Partners and their keys.
    Partner(partner::Partner),
    /// People who sign in.
    User(user::User),
    /// Accounts that users own.
    Account(account::Account),
    /// API keys of accounts and partners.
    Key(key::Key),
    /// OAuth clients: apps.
    Client(client::Client),
    /// What owners allowed apps to do.
    Grant(grant::Grant),
    /// Which clients use what OAuth 2.1 no longer has, how often, and what to use instead.
    Legacy(legacy::Legacy),
    /// Which clients ask for tokens so often that they come near the limit.
    Busy(busy::Busy),
    /// Keys that sign tokens, and keys of refresh tokens.
    SigningKey(signing_key::SigningKey),
    /// Administrators and their tokens.
    Admin(admin::Admin),
    /// Who changed what.
    Audit(audit::Audit),
    /// Sign in at an issuer, this or any other, for `mandate token`.
    Login(sessions::Login),
    /// Print a token that is good now.
    Token(sessions::Token),
    /// Give a session's tokens back and forget it.
    Logout(sessions::Logout),
}

/// Runs a command: its answer goes to standard output, what went wrong to standard error.
///
/// # Errors
/// What went wrong, in words for the person at the terminal.
pub(crate) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    let mut out = Out::stdout();
    match command {
        Command::Apply(args) => apply::run(args, &mut out).await,
        Command::Check(args) => return Ok(check::run(&args, &mut out)),
        Command::Export(args) => export::run(args, &mut out).await,
        Command::Explain(args) => explain::run(args, &mut out).await,
        Command::Platform(args) => platform::run(args, &mut out).await,
        Command::Partner(args) => partner::run(args, &mut out).await,
        Command::User(args) => user::run(args, &mut out).await,
        Command::Account(args) => account::run(args, &mut out).await,
        Command::Key(args) => key::run(args, &mut out).await,
        Command::Client(args) => client::run(args, &mut out).await,
        Command::Grant(args) => grant::run(args, &mut out).await,
        Command::Legacy(args) => legacy::run(args, &mut out).await,
        Command::Busy(args) => busy::run(args, &mut out).await,
        Command::SigningKey(args) => signing_key::run(args, &mut out).await,
        Command::Admin(args) => admin::run(args, &mut out).await,
        Command::Audit(args) => audit::run(args, &mut out).await,
        Command::Login(args) => return sessions::login(args, &mut out).await,
        Command::Token(args) => return sessions::token(args, &mut out).await,
        Command::Logout(args) => return sessions::logout(args, &mut out).await,
    }
    .map(|()| ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests;
