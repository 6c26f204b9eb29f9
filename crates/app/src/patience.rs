//! How long a connection may take for the head of a request. The HTTP library makes a timer for each request and throws
//! it away when the head is there. Here a connection keeps one, and moves it on only when it has gone off: until then it
//! rings for an earlier request, whose time would have been over first.

use hyper::rt::{Sleep, Timer};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tokio::task::coop::unconstrained;

/// The timer that runs, and whom it wakes.
struct Running {
    sleep: Pin<Box<tokio::time::Sleep>>,
    wakes: Waker,
}

type Kept = Arc<Mutex<Option<Running>>>;

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
        Box::pin(Waiting { deadline, kept: self.0.clone() })
    }
}

/// One wait.
struct Waiting {
    deadline: Instant,
    kept: Kept,
}

impl Future for Waiting {
    type Output = ();
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let deadline = self.deadline.into();
        let running = kept.get_or_insert_with(|| Running {
            sleep: Box::pin(tokio::time::sleep_until(deadline)),
            wakes: Waker::noop().clone(),
        });
        let rings_before = running.sleep.deadline() <= deadline && !running.sleep.is_elapsed();
        if rings_before && running.wakes.will_wake(cx.waker()) {
            return Poll::Pending;
        }
        if !rings_before {
            running.sleep.as_mut().reset(deadline);
        }
        running.wakes.clone_from(cx.waker());
        // Registered whatever is left of this turn: it is not asked again for the same waker.
        std::pin::pin!(unconstrained(running.sleep.as_mut())).poll(cx)
    }
}

impl Sleep for Waiting {}

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
        // It still rings for the first one, and then for this one.
        after(40).await;
        assert_eq!(start.elapsed(), Duration::from_secs(40));
        // It has fired, and is good for another time; also for an earlier one than the last.
        assert!(futures_util::FutureExt::now_or_never(after(90)).is_none());
        after(50).await;
        assert_eq!(start.elapsed(), Duration::from_secs(50));
    }

    #[tokio::test(start_paused = true)]
    async fn it_rings_also_when_first_asked_at_the_end_of_a_turn() {
        let waits = tokio::spawn(async {
            let patience = Patience::default();
            let sleep = patience.sleep(Duration::from_secs(30));
            crate::turn::tests::spend();
            sleep.await;
        });
        assert!(tokio::time::timeout(Duration::from_secs(31), waits).await.is_ok());
    }
}
