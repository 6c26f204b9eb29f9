//! Sending in bursts. Every write to a socket whose reader sleeps wakes it up, and on a busy machine that costs as much
//! as judging the request. So whoever is about to write lets all others that are ready come to the same point first:
//! then the writes follow one another, and the reader is woken once.

use std::future::poll_fn;
use std::task::Poll;

/// Goes to the end of the queue of tasks that are ready, once. Asks the system for nothing, and takes no time when
/// nobody else is ready.
pub(super) async fn let_others_go_first() {
    let mut went = false;
    poll_fn(|cx| {
        if went {
            return Poll::Ready(());
        }
        went = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[tokio::test]
    async fn work_comes_first_and_then_all_the_writes() {
        let log = RefCell::new(Vec::new());
        let request = async || {
            log.borrow_mut().push("judged");
            let_others_go_first().await;
            log.borrow_mut().push("sent");
        };
        tokio::join!(request(), request());
        assert_eq!(*log.borrow(), ["judged", "judged", "sent", "sent"]);
    }
}
