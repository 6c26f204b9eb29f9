//! Gives tokens back.

use crate::ask::{Which, push};
use crate::core::machine::Machine;
use crate::inner::{Inner, blocking};
use crate::observer::Event;
use crate::store::Locked;
use std::sync::Arc;

impl Inner {
    /// Section 7: refresh token first, then access token, one attempt each; then nothing is stored any more.
    pub(crate) async fn logout(self: &Arc<Self>) {
        self.with(|m| m.closed = true);
        self.settle().await;
        let (refresh, held) = self.with(|m| (m.refresh.clone(), m.held.clone()));
        self.with(Machine::forget);
        let given = [
            (refresh, "refresh_token"),
            (held.map(|held| held.token.clone()).filter(|token| !token.is_empty()), "access_token"),
        ];
        for (token, hint) in given {
            let Some(token) = token else { continue };
            if let Ok(endpoint) = self.endpoint(Which::Revocation).await {
                let mut form = Vec::new();
                push(&mut form, "token", token.expose());
                push(&mut form, "token_type_hint", hint);
                let _it_ends_by_itself = self.post(&endpoint, form, false).await;
            }
        }
        let lease = match self.lock_for(self.settings.timeout, false).await {
            Ok(Some(Locked::Held(lease))) => lease,
            Ok(None) => return,
            _ => {
                let error = "what is stored could not be removed: another process holds the lock".to_owned();
                return self.tell(&Event::StoreFailed { error });
            }
        };
        let mut lease = lease;
        let removed = blocking(move || {
            let removed = lease.remove();
            drop(lease);
            removed
        });
        if let Some(Err(e)) = removed.await {
            self.tell(&Event::StoreFailed { error: e.to_string() });
        }
    }
}
