//! What a session needs from outside: a way to send, a clock, randomness. Each has one obvious implementation, and
//! tests put in their own.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// A future that can be stored.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Milliseconds since 1970, by the clock of this machine.
pub type Millis = i64;

/// Sends one request to the issuer and gives its answer, whatever its status. Follows no redirect, repeats nothing.
pub trait Transport: Send + Sync + 'static {
    /// One request, one answer. The session limits the time; a transport may limit it further.
    fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> BoxFuture<'_, Result<http::Response<Vec<u8>>, TransportError>>;
}

/// No answer came. The text must not hold anything of the request but its address.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TransportError {
    /// The request certainly did not reach the server: no connection, name unknown, TLS failure.
    #[error("{0}")]
    NotSent(String),
    /// It may have been served: what the answer said is lost.
    #[error("{0}")]
    Lost(String),
}

/// The wall clock: one that goes on while a machine sleeps.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Millis;
    /// Returns when so much time has passed.
    fn sleep(&self, time: Duration) -> BoxFuture<'_, ()>;
}

/// A source of randomness that nobody can foresee.
pub trait Random: Send + Sync + 'static {
    /// Fills all of it with random bytes.
    fn fill(&self, bytes: &mut [u8]);
    /// A random number of [0, 1), for the spread of times.
    fn unit(&self) -> f64 {
        let mut bytes = [0; 4];
        self.fill(&mut bytes);
        f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
    }
}

/// Text of `n` random bytes, base64url.
pub(crate) fn random_text(random: &dyn Random, n: usize) -> String {
    let mut bytes = vec![0; n];
    random.fill(&mut bytes);
    crate::encoding::base64url(&bytes)
}
