//! Options that every command has, and that may stand anywhere after its name.

use clap::Args;
use mandate_core::Secret;
use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

/// Where the server is and who asks.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct Common {
    /// The operator's address of the server.
    #[arg(long, global = true, value_name = "URL", help_heading = "Server")]
    #[arg(
        help = "The operator's address of the server [env: MANDATE_SERVER; else the one in ./mandate-data]"
    )]
    pub(super) server: Option<String>,
    /// A file with an administrator's token.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Server")]
    #[arg(
        help = "A file with an administrator's token [env: MANDATE_TOKEN_FILE; else one in ./mandate-data]"
    )]
    pub(super) token_file: Option<PathBuf>,
    /// The token itself.
    #[arg(long, global = true, value_name = "TOKEN", conflicts_with = "token_file", help_heading = "Server")]
    #[arg(
        help = "The token itself, which others on this machine can see in its list of processes [env: MANDATE_TOKEN]"
    )]
    pub(super) token: Option<GivenToken>,
    /// Print JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// Which platform.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct OfPlatform {
    /// The platform.
    #[arg(long, global = true, value_name = "ID", help_heading = "Server")]
    #[arg(help = "The platform; may be left out if there is only one [env: MANDATE_PLATFORM]")]
    pub(super) platform: Option<String>,
}

/// A token from the command line. Does not print.
#[derive(Clone, Debug)]
pub(super) struct GivenToken(pub(super) Secret);

impl FromStr for GivenToken {
    type Err = Infallible;
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(Secret::new(text.trim())))
    }
}

/// A variable of the environment that is set and not empty.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
