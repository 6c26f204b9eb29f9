//! What stands in `NAME.lock`: who renews, and its sign of life.

use std::fs::File;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Size of a lock file.
pub(super) const SIZE: usize = 256;
/// After this long a lock that cannot be read counts as dead.
pub(super) const USUAL: Duration = Duration::from_secs(5);
pub(super) const SHORTEST: Duration = Duration::from_millis(100);
pub(super) const LONGEST: Duration = Duration::from_mins(1);

/// What a waiting process sees of a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    bytes: Vec<u8>,
    pub(super) id: Option<String>,
    pub(super) stale: Duration,
}

impl Seen {
    /// Reads the content of a lock file, whatever it is.
    pub(super) fn read(bytes: Vec<u8>) -> Self {
        let json: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
        let id = json.as_ref().and_then(|j| j["id"].as_str()).filter(|id| is_id(id)).map(str::to_owned);
        let stale = json.as_ref().filter(|_| id.is_some()).and_then(|j| j["stale_ms"].as_f64());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let stale = stale.map_or(USUAL, |ms| Duration::from_millis(ms.clamp(100.0, 60_000.0) as u64));
        Self { bytes, id, stale }
    }
    /// What its claims are called by.
    pub(super) fn claim_name(&self) -> &str {
        self.id.as_deref().unwrap_or("unreadable")
    }
}

/// 32 hex digits.
pub(super) fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// The content: one line of JSON, filled up with spaces.
pub(super) fn content(id: &str, beat: Duration, stale: Duration, count: u64) -> Vec<u8> {
    let mut text = format!(
        r#"{{"version":1,"id":"{id}","pid":{},"beat_ms":{},"stale_ms":{},"beat":"{count:016}"}}"#,
        std::process::id(),
        beat.as_millis(),
        stale.as_millis(),
    );
    while text.len() < SIZE - 1 {
        text.push(' ');
    }
    text.push('\n');
    text.into_bytes()
}

/// A thread that counts the beat up, through the descriptor that the lock was made with: a lock that was taken over is
/// another file, and stays untouched. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Heart {
    stop: Arc<(Mutex<bool>, Condvar)>,
}

impl Heart {
    pub(super) fn start(file: File, id: &str, beat: Duration, stale: Duration) -> io::Result<Self> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let (signal, id) = (Arc::clone(&stop), id.to_owned());
        std::thread::Builder::new().name("session-lock".to_owned()).spawn(move || {
            let (stopped, woken) = &*signal;
            let mut guard = stopped.lock().unwrap_or_else(PoisonError::into_inner);
            for count in 1_u64.. {
                let waited = woken.wait_timeout_while(guard, beat, |stopped| !*stopped);
                guard = waited.unwrap_or_else(PoisonError::into_inner).0;
                if *guard {
                    return;
                }
                // A beat that cannot be written is missed; whoever waits will see.
                let _missed = write_at_start(&file, &content(&id, beat, stale, count));
            }
        })?;
        Ok(Self { stop })
    }
}

impl Drop for Heart {
    fn drop(&mut self) {
        *self.stop.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.1.notify_all();
    }
}

/// Writes all at offset 0.
#[cfg(unix)]
pub(super) fn write_at_start(file: &File, bytes: &[u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, 0)
}

/// Writes all at offset 0.
#[cfg(windows)]
pub(super) fn write_at_start(file: &File, bytes: &[u8]) -> io::Result<()> {
    match std::os::windows::fs::FileExt::seek_write(file, bytes, 0) {
        Ok(n) if n == bytes.len() => Ok(()),
        Ok(_) => Err(io::ErrorKind::WriteZero.into()),
        Err(e) => Err(e),
    }
}
