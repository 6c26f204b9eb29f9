//! A deadline that is cheap to move: the timer stays armed from one request to the next, and when it rings the true
//! deadline is looked at.

use mandate_core::Clock;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

#[derive(Debug, Default)]
pub(crate) struct Alarm {
    /// On the clock that nobody moves.
    deadline: Duration,
    /// When the timer rings, on the same clock.
    rings: Duration,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// Moves the deadline.
    pub(crate) fn set(&mut self, deadline: Duration) {
        self.deadline = deadline;
        if self.rings > deadline {
            self.timer = None;
        }
    }

    /// Ready once the deadline has passed.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, clock: &dyn Clock) -> Poll<()> {
        loop {
            if let Some(timer) = &mut self.timer {
                ready!(timer.as_mut().poll(cx));
            }
            let now = clock.monotonic();
            if now >= self.deadline {
                return Poll::Ready(());
            }
            let left = sleep(self.deadline.saturating_sub(now));
            self.rings = self.deadline;
            match &mut self.timer {
                Some(timer) => timer.set(left),
                None => self.timer = Some(Box::pin(left)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mandate_core::Timestamp;
    use std::future::poll_fn;
    use tokio::time::Instant;

    #[derive(Debug)]
    struct Paused(Instant);
    impl Clock for Paused {
        fn now(&self) -> Timestamp {
            Timestamp::default()
        }
        fn monotonic(&self) -> Duration {
            self.0.elapsed()
        }
    }

    #[tokio::test]
    async fn rings_at_the_last_deadline_set() {
        tokio::time::pause();
        let clock = Paused(Instant::now());
        let mut alarm = Alarm::default();
        for (set, after) in [(100, 100), (5_000, 5_000), (5_001, 5_001)] {
            alarm.set(Duration::from_millis(set));
            poll_fn(|cx| alarm.poll(cx, &clock)).await;
            let now = clock.monotonic();
            assert!(
                now >= Duration::from_millis(after) && now < Duration::from_millis(after + 10),
                "{now:?}"
            );
        }
        alarm.set(Duration::from_mins(1));
        assert!(poll_fn(|cx| Poll::Ready(alarm.poll(cx, &clock))).await.is_pending());
        alarm.set(Duration::from_secs(6));
        poll_fn(|cx| alarm.poll(cx, &clock)).await;
        assert!(clock.monotonic() < Duration::from_secs(7));
    }
}
