//! The long middle of a stream: whole messages to and fro, pings, and whatever ends it.

use super::client::{Upstream, frame};
use super::ending::{End, slow};
use super::registry::{News, Ticket};
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

impl Stream {
    /// Relays until the stream ends, and says why it did.
    pub(super) async fn relay(
        &mut self,
        ticket: Ticket,
        mut upstream: Upstream,
        mut held: Held,
        said: Vec<Said>,
    ) -> End {
        let end = match self.to_client(&ticket, &held, said).await {
            Ok(()) => self.relay_until(&ticket, &mut upstream, &mut held).await,
            Err(end) => end,
        };
        let close = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        let patience = self.at.gate.limits.streams.close;
        let _in_time = tokio::time::timeout(patience, upstream.send(Message::Close(Some(close)))).await;
        end
    }

    async fn relay_until(&mut self, ticket: &Ticket, upstream: &mut Upstream, held: &mut Held) -> End {
        let limits = self.at.gate.limits.streams;
        let mut silence = Silence::default();
        let mut tick = std::pin::pin!(tokio::time::sleep(limits.ping));
        loop {
            let event = tokio::select! {
                biased;
                () = ticket.ear.listen() => Event::News,
                message = self.client.next() => Event::Client(message),
                message = upstream.next() => Event::Upstream(message),
                () = tick.as_mut() => Event::Tick,
            };
            let done = match event {
                Event::News => self.news(ticket, held).await,
                Event::Client(message) => {
                    silence.client = 0;
                    self.from_client(message, ticket, upstream, held).await
                }
                Event::Upstream(message) => {
                    silence.upstream = 0;
                    self.from_upstream(message, ticket, upstream, held).await
                }
                Event::Tick => {
                    tick.as_mut().reset(tokio::time::Instant::now() + limits.ping);
                    self.ping(&mut silence, ticket, upstream, held).await
                }
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    /// Looks at what the stream was told.
    async fn news(&mut self, ticket: &Ticket, held: &Held) -> Result<(), End> {
        let ends = |refusal| Err(End::Refused(Stage::End, refusal));
        match ticket.ear.take() {
            None => Ok(()),
            Some(News::Stop) => ends(Box::new(Refusal::anonymous(Cause::ServerStopping))),
            Some(News::LeaseLost) => {
                let contact = self.at.site.snapshot.platform.contact.clone();
                ends(Box::new(
                    Refusal::anonymous(Cause::StorageUnavailable)
                        .with(FactName::RetryAfter, 2)
                        .with(FactName::Contact, &*contact),
                ))
            }
            Some(News::Again) => {
                match self.at.gate.streams.latest(&self.at.site) {
                    Some(site) => self.at.site = site,
                    None => return ends(Box::new(Refusal::anonymous(Cause::HostUnknown))),
                }
                Box::pin(self.at.decided_again(held, &[])).await.or_else(ends)
            }
        }
    }

    async fn from_client(
        &mut self,
        message: Option<Result<Message, Error>>,
        ticket: &Ticket,
        upstream: &mut Upstream,
        held: &mut Held,
    ) -> Result<(), End> {
        let message = match message {
            Some(Ok(Message::Close(_))) | None => return Err(End::Gone),
            Some(Ok(message)) => message,
            Some(Err(error)) => return Err(unreadable(&error, self.at.gate.limits.streams.client_message)),
        };
        let Some(read) = frame(&message) else { return Ok(()) };
        match self.talk.after(read) {
            After::Forward => self.to_upstream(message, ticket, upstream, held).await,
            After::Subscribe(channels) => {
                match Box::pin(self.at.decided_again(held, &channels)).await {
                    Ok(()) => self.to_upstream(message, ticket, upstream, held).await,
                    Err(refusal) => self.refuse(refusal, ticket, held).await,
                }
            }
            After::Login(presented) => {
                let said = Box::pin(self.admit_again(presented, held, ticket))
                    .await
                    .map_err(|refusal| End::Refused(Stage::LoginAgain, refusal))?;
                self.to_client(ticket, held, said).await
            }
            After::Answer(said) => self.to_client(ticket, held, said).await,
            After::Leave => Err(End::Left),
            After::Refuse(refusal) => self.refuse(refusal, ticket, held).await,
        }
    }

    /// Refuses a message; the stream goes on.
    async fn refuse(&mut self, refusal: Box<Refusal>, ticket: &Ticket, held: &Held) -> Result<(), End> {
        let (_, said) = self.say(Stage::Message, refusal);
        self.to_client(ticket, held, said).await
    }

    async fn from_upstream(
        &mut self,
        message: Option<Result<Message, Error>>,
        ticket: &Ticket,
        upstream: &mut Upstream,
        held: &Held,
    ) -> Result<(), End> {
        let mut next = Some(message);
        let mut ended = None;
        for _ in 0..GATHERED {
            match next.take() {
                Some(Some(Ok(Message::Close(close)))) => ended = Some(End::Closed(close)),
                Some(Some(Ok(message))) if frame(&message).is_some() => {
                    self.put(ticket, held, message).await?;
                }
                Some(Some(Ok(_))) => {}
                Some(Some(Err(_)) | None) => ended = Some(self.api_lost()),
                None => break,
            }
            if ended.is_some() {
                break;
            }
            // what else is there already
            next = poll_fn(|cx| {
                Poll::Ready(match upstream.poll_next(cx) {
                    Poll::Ready(message) => Some(message),
                    Poll::Pending => None,
                })
            })
            .await;
        }
        self.flush(ticket, held).await?;
        ended.map_or(Ok(()), Err)
    }

    fn api_lost(&self) -> End {
        let contact = &*self.at.site.snapshot.platform.contact;
        let refusal = Refusal::anonymous(Cause::UpstreamUnavailable).with(FactName::Contact, contact);
        End::Refused(Stage::End, Box::new(refusal))
    }

    async fn to_client(&mut self, ticket: &Ticket, held: &Held, said: Vec<Said>) -> Result<(), End> {
        for said in said {
            let message = match said {
                Said::Text(text) => Message::text(text),
                Said::Binary(bytes) => Message::binary(bytes),
            };
            self.put(ticket, held, message).await?;
        }
        self.flush(ticket, held).await
    }

    /// Hands the client a message. News are heard meanwhile: a client that does not read is no way to outlive a
    /// revocation.
    async fn put(&mut self, ticket: &Ticket, held: &Held, message: Message) -> Result<(), End> {
        let mut message = Some(message);
        if let Some(done) = poll_fn(|cx| Poll::Ready(ready(self.client.poll_put(cx, &mut message)))).await {
            return done.map_err(|_| End::Gone);
        }
        let patience = self.at.gate.limits.streams.patience;
        let mut limit = Box::pin(tokio::time::sleep(patience));
        loop {
            tokio::select! {
                biased;
                () = ticket.ear.listen() => {}
                done = poll_fn(|cx| self.client.poll_put(cx, &mut message)) => {
                    return done.map_err(|_| End::Gone);
                }
                () = limit.as_mut() => return Err(slow("reads too slowly")),
            }
            self.news(ticket, held).await?;
        }
    }

    async fn flush(&mut self, ticket: &Ticket, held: &Held) -> Result<(), End> {
        if let Some(done) = poll_fn(|cx| Poll::Ready(ready(self.client.poll_flush(cx)))).await {
            return done.map_err(|_| End::Gone);
        }
        let patience = self.at.gate.limits.streams.patience;
        let mut limit = Box::pin(tokio::time::sleep(patience));
        loop {
            tokio::select! {
                biased;
                () = ticket.ear.listen() => {}
                done = poll_fn(|cx| self.client.poll_flush(cx)) => return done.map_err(|_| End::Gone),
                () = limit.as_mut() => return Err(slow("reads too slowly")),
            }
            self.news(ticket, held).await?;
        }
    }

    async fn to_upstream(
        &mut self,
        message: Message,
        ticket: &Ticket,
        upstream: &mut Upstream,
        held: &Held,
    ) -> Result<(), End> {
        let mut limit = Box::pin(tokio::time::sleep(self.at.gate.limits.streams.patience));
        let mut message = Some(message);
        loop {
            tokio::select! {
                biased;
                () = ticket.ear.listen() => {}
                done = poll_fn(|cx| {
                    std::task::ready!(upstream.poll_put(cx, &mut message))?;
                    upstream.poll_flush(cx)
                }) => return done.map_err(|_: Error| self.api_lost()),
                () = limit.as_mut() => return Err(self.api_lost()),
            }
            self.news(ticket, held).await?;
        }
    }

    /// Once every span: who has been silent is asked for a sign, and who gave none for too long is gone.
    async fn ping(
        &mut self,
        silence: &mut Silence,
        ticket: &Ticket,
        upstream: &mut Upstream,
        held: &Held,
    ) -> Result<(), End> {
        let missed = self.at.gate.limits.streams.missed;
        silence.client += 1;
        silence.upstream += 1;
        if silence.client > missed {
            return Err(slow("answered no ping"));
        }
        if silence.upstream > missed {
            return Err(self.api_lost());
        }
        self.put(ticket, held, Message::Ping(bytes::Bytes::new())).await?;
        self.flush(ticket, held).await?;
        self.to_upstream(Message::Ping(bytes::Bytes::new()), ticket, upstream, held).await
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
