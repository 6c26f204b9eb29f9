//! How long a command keeps trying while the issuer cannot be asked, and what it says meanwhile.

use super::out;
use crate::system::SystemClock;
use clap::Args;
use mandate_core::Clock as _;
use mandate_session::{Builder, Event, Millis};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Waits that end before this are not worth a word.
const QUIET: Millis = 2_000;

/// Arguments of the commands that ask an issuer.
#[derive(Args, Debug, Clone, Copy)]
pub(super) struct Trying {
    /// Keep trying for so many seconds while the issuer cannot be asked
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u16).range(0..=3600))]
    patience: u16,
}

impl Default for Trying {
    fn default() -> Self {
        Self { patience: 60 }
    }
}

impl Trying {
    /// Puts it into a session's settings.
    pub(super) fn over(self, builder: Builder) -> Builder {
        let patience = Duration::from_secs(self.patience.into());
        let began = SystemClock::new().now().millis();
        let gives_up = began.saturating_add(Millis::from(self.patience) * 1000);
        let last = Mutex::new(String::new());
        builder.patience(patience).observer(move |event: &Event| {
            let Event::Failed { reason, retry_at } = event else { return };
            let Some(words) = said(reason, *retry_at, began, gives_up) else { return };
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            if *last != words {
                out::aside(&words);
                *last = words;
            }
        })
    }
}

/// A line of progress. None for short waits, nor where nobody will try again: the error comes next.
fn said(reason: &str, retry_at: Millis, began: Millis, gives_up: Millis) -> Option<String> {
    let left = gives_up - began;
    (retry_at - began > QUIET && retry_at <= gives_up).then(|| {
        format!("mandate: {reason}; trying again, for {} s at most (--patience)", (left + 999) / 1000)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_said_once_it_takes_longer_than_two_seconds() {
        let said = |retry_at| said("no way", retry_at, 1_000_000, 1_060_000);
        assert_eq!(said(1_000_400), None);
        assert_eq!(
            said(1_002_001).as_deref(),
            Some("mandate: no way; trying again, for 60 s at most (--patience)")
        );
        assert!(said(1_060_000).is_some());
        assert_eq!(said(1_060_001), None, "the error itself follows");
    }
}
