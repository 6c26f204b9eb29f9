//! Waiting for two things of which one hardly ever comes, so that asking for it costs nothing on the way. The runtime
//! gives each task a budget for its turn (a task made by another may have to share the other's), and what is asked
//! when it is spent says "not yet" without leaving a waker. So what is asked only once is asked outside the budget.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use tokio::sync::watch;
use tokio::task::coop::unconstrained;

/// The end of `work`; `None` if the node stops before it. What is said of the stop is its value, not its change: work
/// may have come just before the word and be looked at just after it.
pub(crate) async fn unless_stopped<W: Future>(
    mut work: Pin<&mut W>,
    mut stop: watch::Receiver<bool>,
) -> Option<W::Output> {
    let told = stop.clone();
    let mut stopping = pin!(unconstrained(stop.wait_for(|stop| *stop)));
    let mut asked = false;
    poll_fn(|cx| {
        if let Poll::Ready(ended) = work.as_mut().poll(cx) {
            return Poll::Ready(Some(ended));
        }
        // One task polls this, so its waker needs to be left once only.
        let asks = !asked || told.has_changed().unwrap_or(true);
        asked = true;
        if asks && stopping.as_mut().poll(cx).is_ready() { Poll::Ready(None) } else { Poll::Pending }
    })
    .await
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use std::future::pending;
    use std::time::Duration;
    use tokio::task::coop::{consume_budget, has_budget_remaining};

    /// Spends what is left of this turn.
    pub(crate) fn spend() {
        while has_budget_remaining() {
            assert!(consume_budget().now_or_never().is_some());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_is_heard_however_the_work_began() {
        for spent in [false, true] {
            for before in [false, true] {
                let (say, stop) = watch::channel(before);
                let works = tokio::spawn(async move {
                    if spent {
                        spend();
                    }
                    unless_stopped(pin!(pending::<()>()), stop).await
                });
                tokio::time::sleep(Duration::from_secs(1)).await;
                say.send_replace(true);
                let heard = tokio::time::timeout(Duration::from_secs(1), works).await;
                assert!(matches!(heard, Ok(Ok(None))), "spent: {spent}, before: {before}");
            }
        }
    }

    #[tokio::test]
    async fn work_that_ends_is_work_that_ended() {
        let (_say, stop) = watch::channel(false);
        assert_eq!(unless_stopped(pin!(async { 7 }), stop).await, Some(7));
    }
}
