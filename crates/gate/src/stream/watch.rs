//! What ends streams from outside: the log, changed platforms, the clock, and the lease.

use super::registry::News;
use crate::gate::Gate;
use crate::site::Site;
use mandate_core::{LogEntry, PlatformId};
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How often the clock is looked at, which can be moved in the demo.
const LOOK: Duration = Duration::from_millis(100);

impl Gate {
    /// Is told entries of the log, in any order and any number of times: the streams that they are about are decided on
    /// again. Quick, and does not block.
    pub fn hear(&self, entries: &[LogEntry]) {
        self.streams.hear(entries);
    }

    /// Is told the platforms and their hosts as they stand now: streams of those that have changed are decided on again.
    pub fn adopt(&self, sites: HashMap<PlatformId, Vec<Arc<Site>>>) {
        self.streams.adopt(sites);
    }

    /// Looks after open streams for as long as the gate lives: ends those whose time is over, and all of them while
    /// this gate does not know what has been revoked (SECURITY R12). To be run beside the gate.
    pub async fn watch_streams(gate: Weak<Self>) {
        loop {
            tokio::time::sleep(LOOK).await;
            let Some(gate) = gate.upgrade() else { return };
            gate.streams.due(gate.clock.now());
            if !gate.facts.are_current() {
                gate.streams.tell_all(News::LeaseLost);
            }
        }
    }
}
