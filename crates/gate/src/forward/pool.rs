//! Connections that are kept open: the one used last is used next, so that those not needed grow old and go.

use super::conn::Conn;
use crate::locked;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) address: SocketAddr,
    // In the order in which they were put away.
    idle: Mutex<VecDeque<Box<Conn>>>,
}

impl Pool {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, idle: Mutex::new(VecDeque::new()) }
    }

    /// A connection that was put away at most `age` ago and seems to be alive.
    pub(crate) fn take(&self, now: Duration, age: Duration) -> Option<Box<Conn>> {
        let mut idle = locked(&self.idle);
        while let Some(conn) = idle.pop_back() {
            if now.saturating_sub(conn.idle_since) > age {
                // The others are older still, but may do for another request.
                idle.push_back(conn);
                return None;
            }
            if conn.is_quiet() {
                return Some(conn);
            }
        }
        None
    }

    /// Keeps a connection whose answer has been read to its end.
    pub(crate) fn put(&self, mut conn: Box<Conn>, now: Duration, most: usize, age: Duration) {
        conn.rewind();
        conn.idle_since = now;
        let mut idle = locked(&self.idle);
        while idle.front().is_some_and(|c| now.saturating_sub(c.idle_since) > age)
            || idle.len() >= most.max(1)
        {
            idle.pop_front();
        }
        idle.push_back(conn);
    }
}
