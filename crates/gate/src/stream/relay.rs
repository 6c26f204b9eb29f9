//! The long middle of a stream: whole messages to and fro, pings, and whatever ends it.

use super::client::frame;
use super::ending::{End, slow};
use super::registry::{News, Ticket};
use super::upstream::Far;
use super::{Held, Stream};
use mandate_core::refusal::Refusal;
use mandate_core::{Cause, disclosure::FactName};
use mandate_wire::stream::{After, Message as Said, Stage};
use std::future::poll_fn;
use std::task::Poll;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

/// Messages of the API that are gathered before they are written, at most.
const GATHERED: usize = 64;

/// Something that happens on a stream.
enum Event {
    News,
    Client(Option<Result<Message, Error>>),
    Upstream(Option<Result<Message, Error>>),
    Tick,
}

/// How long each side has been silent, in spans of the ping.
#[derive(Debug, Default)]
struct Silence {
    client: u8,
    upstream: u8,
}

/// A stream that is signed in on, with the API's end of it once that is needed. Boxed: a future that holds it by value
/// would hold it several times over.
pub(super) struct Relay {
    pub(super) stream: Stream,
    pub(super) ticket: Ticket,
    pub(super) far: Far,
    pub(super) held: Held,
}

impl Relay {
    /// Relays until the stream ends, and ends it.
    pub(super) async fn run(mut self: Box<Self>, said: Vec<Said>) {
        let end = match self.tell_client(said).await {
            Ok(()) => self.relay().await,
            Err(end) => end,
        };
        Box::pin(self.close(end)).await;
    }

    async fn close(self: Box<Self>, end: End) {
        let Self { stream, ticket, mut far, .. } = *self;
        // Its place is free from here on, whatever the other side does.
        drop(ticket);
        let close = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        let patience = stream.at.gate.stream_limits.close;
        let goodbye = tokio::time::timeout(patience, far.send(Message::Close(Some(close))));
        let (_in_time, ()) = tokio::join!(goodbye, stream.end(end));
    }

    async fn relay(&mut self) -> End {
        let span = self.stream.at.gate.stream_limits.ping;
        let mut silence = Silence::default();
        let mut tick = Box::pin(tokio::time::sleep(span));
        loop {
            let event = tokio::select! {
                biased;
                () = self.ticket.ear.listen() => Event::News,
                message = self.stream.client.next() => Event::Client(message),
                message = self.far.next() => Event::Upstream(message),
                () = tick.as_mut() => Event::Tick,
            };
            let done = match event {
                Event::News => self.news().await,
                Event::Client(message) => {
                    silence.client = 0;
                    Box::pin(self.heard_client(message)).await
                }
                Event::Upstream(message) => {
                    silence.upstream = 0;
                    self.heard_api(message).await
                }
                Event::Tick => {
                    tick.as_mut().reset(tokio::time::Instant::now() + span);
                    Box::pin(self.ping(&mut silence)).await
                }
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    /// Looks at what the stream was told.
    async fn news(&mut self) -> Result<(), End> {
        let ends = |refusal| Err(End::Refused(Stage::End, refusal));
        match self.ticket.ear.take() {
            None => Ok(()),
            Some(News::Stop) => ends(Box::new(Refusal::anonymous(Cause::ServerStopping))),
            Some(News::LeaseLost) => {
                let contact = self.stream.at.site.snapshot.platform.contact.clone();
                ends(Box::new(
                    Refusal::anonymous(Cause::StorageUnavailable)
                        .with(FactName::RetryAfter, 2)
                        .with(FactName::Contact, &*contact),
                ))
            }
            Some(News::Again) => {
                match self.stream.at.gate.streams.latest(&self.stream.at.site) {
                    Some(site) => self.stream.at.site = site,
                    None => return ends(Box::new(Refusal::anonymous(Cause::HostUnknown))),
                }
                Box::pin(self.stream.at.decided_again(&self.held, &[])).await.or_else(ends)
            }
        }
    }

    async fn heard_client(&mut self, message: Option<Result<Message, Error>>) -> Result<(), End> {
        let message = match message {
            Some(Ok(Message::Close(_))) | None => return Err(End::Gone),
            Some(Ok(message)) => message,
            Some(Err(error)) => {
                return Err(unreadable(&error, self.stream.at.gate.stream_limits.client_message));
            }
        };
        let Some(read) = frame(&message) else { return Ok(()) };
        match self.stream.talk.after(read) {
            After::Sign(said) if !self.far.is_open() => self.tell_client(said).await,
            After::Forward | After::Sign(_) => self.tell_api(message).await,
            After::Subscribe(channels) => {
                match Box::pin(self.stream.at.decided_again(&self.held, &channels)).await {
                    Ok(()) => self.tell_api(message).await,
                    Err(refusal) => self.refuse(refusal).await,
                }
            }
            After::Login(presented) => {
                let said = Box::pin(self.stream.admit_again(presented, &mut self.held, &self.ticket))
                    .await
                    .map_err(|refusal| End::Refused(Stage::LoginAgain, refusal))?;
                self.tell_client(said).await
            }
            After::Answer(said) => self.tell_client(said).await,
            After::Leave => Err(End::Left),
            After::Refuse(refusal) => self.refuse(refusal).await,
        }
    }

    /// Refuses a message; the stream goes on.
    async fn refuse(&mut self, refusal: Box<Refusal>) -> Result<(), End> {
        let (_, said) = self.stream.say(Stage::Message, *refusal);
        self.tell_client(said).await
    }

    async fn heard_api(&mut self, message: Option<Result<Message, Error>>) -> Result<(), End> {
        let mut next = Some(message);
        let mut ended = None;
        for left in (0..GATHERED).rev() {
            match next.take() {
                Some(Some(Ok(Message::Close(close)))) => ended = Some(End::Closed(close)),
                Some(Some(Ok(message))) if frame(&message).is_some() => {
                    self.put(message).await?;
                }
                Some(Some(Ok(_))) => {}
                Some(Some(Err(_)) | None) => ended = Some(self.api_lost()),
                None => break,
            }
            if ended.is_some() || left == 0 {
                break;
            }
            // what else is there already
            next = poll_fn(|cx| {
                Poll::Ready(match self.far.poll_next(cx) {
                    Poll::Ready(message) => Some(message),
                    Poll::Pending => None,
                })
            })
            .await;
        }
        self.flush().await?;
        ended.map_or(Ok(()), Err)
    }

    fn api_lost(&self) -> End {
        let contact = &*self.stream.at.site.snapshot.platform.contact;
        let refusal = Refusal::anonymous(Cause::UpstreamUnavailable).with(FactName::Contact, contact);
        End::Refused(Stage::End, Box::new(refusal))
    }

    async fn tell_client(&mut self, said: Vec<Said>) -> Result<(), End> {
        for said in said {
            let message = match said {
                Said::Text(text) => Message::text(text),
                Said::Binary(bytes) => Message::binary(bytes),
            };
            self.put(message).await?;
        }
        self.flush().await
    }

    /// Hands the client a message. News are heard meanwhile: a client that does not read is no way to outlive a
    /// revocation.
    async fn put(&mut self, message: Message) -> Result<(), End> {
        let mut message = Some(message);
        if let Some(done) =
            poll_fn(|cx| Poll::Ready(ready(self.stream.client.poll_put(cx, &mut message)))).await
        {
            return done.map_err(|_| End::Gone);
        }
        let patience = self.stream.at.gate.stream_limits.patience;
        let mut limit = Box::pin(tokio::time::sleep(patience));
        loop {
            tokio::select! {
                biased;
                () = self.ticket.ear.listen() => {}
                done = poll_fn(|cx| self.stream.client.poll_put(cx, &mut message)) => {
                    return done.map_err(|_| End::Gone);
                }
                () = limit.as_mut() => return Err(slow("reads too slowly")),
            }
            self.news().await?;
        }
    }

    async fn flush(&mut self) -> Result<(), End> {
        if let Some(done) = poll_fn(|cx| Poll::Ready(ready(self.stream.client.poll_flush(cx)))).await {
            return done.map_err(|_| End::Gone);
        }
        let patience = self.stream.at.gate.stream_limits.patience;
        let mut limit = Box::pin(tokio::time::sleep(patience));
        loop {
            tokio::select! {
                biased;
                () = self.ticket.ear.listen() => {}
                done = poll_fn(|cx| self.stream.client.poll_flush(cx)) => return done.map_err(|_| End::Gone),
                () = limit.as_mut() => return Err(slow("reads too slowly")),
            }
            self.news().await?;
        }
    }

    /// Opens the API's end, for the first message that is for it. News are heard meanwhile: a slow API is no way to
    /// outlive a revocation. What else the client sends waits, and keeps its order.
    async fn open_far(&mut self) -> Result<(), End> {
        let Far::Later(kept) = &self.far else { return Ok(()) };
        let call = self.stream.at.call_for(&self.held, kept).await;
        let call = call.map_err(|refusal| End::Refused(Stage::End, refusal))?;
        let mut making = Box::pin(async { call?.made().await });
        let made = loop {
            tokio::select! {
                biased;
                () = self.ticket.ear.listen() => {}
                made = making.as_mut() => break made,
            }
            self.news().await?;
        };
        match made {
            Ok(upstream) => {
                self.far = Far::Open(upstream);
                Ok(())
            }
            Err(what) => {
                self.stream.at.log_unopened(what);
                Err(self.api_lost())
            }
        }
    }

    async fn tell_api(&mut self, message: Message) -> Result<(), End> {
        if !self.far.is_open() {
            Box::pin(self.open_far()).await?;
        }
        let mut limit = Box::pin(tokio::time::sleep(self.stream.at.gate.stream_limits.patience));
        let mut message = Some(message);
        loop {
            tokio::select! {
                biased;
                () = self.ticket.ear.listen() => {}
                done = poll_fn(|cx| self.far.poll_tell(cx, &mut message)) => return done.map_err(|_: Error| self.api_lost()),
                () = limit.as_mut() => return Err(self.api_lost()),
            }
            self.news().await?;
        }
    }

    /// Once every span: who has been silent is asked for a sign, and who gave none for too long is gone.
    async fn ping(&mut self, silence: &mut Silence) -> Result<(), End> {
        let missed = self.stream.at.gate.stream_limits.missed;
        silence.client += 1;
        silence.upstream += u8::from(self.far.is_open());
        if silence.client > missed {
            return Err(slow("answered no ping"));
        }
        if silence.upstream > missed {
            return Err(self.api_lost());
        }
        self.put(Message::Ping(bytes::Bytes::new())).await?;
        self.flush().await?;
        if self.far.is_open() { self.tell_api(Message::Ping(bytes::Bytes::new())).await } else { Ok(()) }
    }
}

fn ready<T>(poll: Poll<T>) -> Option<T> {
    match poll {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    }
}

/// The end of a stream whose client sent something that cannot be read.
fn unreadable(error: &Error, largest: usize) -> End {
    match error {
        Error::Capacity(_) => {
            let refusal = Refusal::anonymous(Cause::RequestTooLarge)
                .with(FactName::Parameter, "the message")
                .with(FactName::Limit, i64::try_from(largest).unwrap_or(i64::MAX));
            End::Refused(Stage::End, Box::new(refusal))
        }
        Error::Protocol(_) | Error::Utf8(_) => {
            let defect = "a frame breaks the websocket protocol, or a text is not UTF-8";
            End::Refused(Stage::End, crate::front::malformed(defect))
        }
        _ => End::Gone,
    }
}
