//! How long a connection may take for the head of a request. The HTTP library makes a timer for each request and throws
//! it away when the head is there; here a connection keeps one and moves it on, which takes neither memory nor a lock.

use hyper::rt::{Sleep, Timer};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

type Kept = Arc<Mutex<Option<Pin<Box<tokio::time::Sleep>>>>>;

/// The timer of one connection.
#[derive(Clone, Default)]
pub(crate) struct Patience(Kept);

impl fmt::Debug for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Patience")
    }
}

impl Timer for Patience {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let sleep = match kept {
            Some(mut sleep) => {
                sleep.as_mut().reset(deadline.into());
                sleep
            }
            None => Box::pin(tokio::time::sleep_until(deadline.into())),
        };
        Box::pin(Waiting { sleep: Some(sleep), home: self.0.clone() })
    }
}

/// One wait. Dropped, it leaves the timer to the next one.
struct Waiting {
    sleep: Option<Pin<Box<tokio::time::Sleep>>>,
    home: Kept,
}

impl Future for Waiting {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.sleep.as_mut().map_or(Poll::Ready(()), |sleep| sleep.as_mut().poll(cx))
    }
}

impl Sleep for Waiting {}

impl Drop for Waiting {
    fn drop(&mut self) {
        *self.home.lock().unwrap_or_else(PoisonError::into_inner) = self.sleep.take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_kept_timer_waits_as_long_as_a_new_one() {
        let patience = Patience::default();
        let start = tokio::time::Instant::now();
        let after = |s| patience.sleep_until((start + Duration::from_secs(s)).into_std());
        // Made, polled and thrown away, as for a head that came in time.
        assert!(futures_util::FutureExt::now_or_never(after(30)).is_none());
        assert!(patience.0.lock().unwrap().is_some());
        after(40).await;
        assert_eq!(start.elapsed(), Duration::from_secs(40));
        // It has fired, and is good for another time; also for an earlier one than the last.
        assert!(futures_util::FutureExt::now_or_never(after(90)).is_none());
        after(50).await;
        assert_eq!(start.elapsed(), Duration::from_secs(50));
    }
}
