//! The device grant (RFC 8628).

use crate::ask::{Form, Which, push};
use crate::core::answer::{Meaning, seconds};
use crate::core::state::Reason;
use crate::error::Error;
use crate::flight::final_reason;
use crate::observer::Event;
use crate::refusal::Refusal;
use crate::seams::Millis;
use crate::secret::Secret;
use crate::session::Session;
use std::time::Duration;

/// Seconds between polls if the issuer does not say (RFC 8628 section 3.2).
const USUAL_INTERVAL: u64 = 5;

/// A sign-in that waits for a person with another device.
#[derive(Debug)]
pub struct DeviceLogin {
    session: Session,
    device_code: Secret,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
    ends_at: Millis,
    interval: Duration,
}

impl Session {
    /// Begins a sign-in on another device.
    pub async fn login_by_device(&self) -> Result<DeviceLogin, Error> {
        let inner = &self.inner;
        if inner.with(|m| m.closed) {
            return Err(Error::Closed);
        }
        let endpoint = inner.patient_endpoint(Which::Device).await?;
        let mut form = Form::new();
        inner.push_scope(&mut form);
        for resource in &inner.settings.resources {
            push(&mut form, "resource", resource);
        }
        let asked_at = inner.now();
        let answer = inner.post_for_json(&endpoint, form).await?;
        let text = |name: &str| answer.get(name).and_then(|v| v.as_str()).map(str::to_owned);
        let needed = |name: &str| {
            text(name).ok_or_else(|| Error::Protocol(format!("the issuer's answer has no `{name}`")))
        };
        let life = seconds(answer.get("expires_in")).unwrap_or(600).min(86_400);
        Ok(DeviceLogin {
            session: self.clone(),
            device_code: needed("device_code")?.into(),
            user_code: needed("user_code")?,
            verification_uri: needed("verification_uri")?,
            verification_uri_complete: text("verification_uri_complete"),
            ends_at: asked_at + Millis::try_from(life * 1_000).unwrap_or(0),
            interval: Duration::from_secs(
                seconds(answer.get("interval")).unwrap_or(USUAL_INTERVAL).clamp(1, 300),
            ),
        })
    }
}

impl DeviceLogin {
    /// What the person types.
    pub fn user_code(&self) -> &str {
        &self.user_code
    }
    /// Where.
    pub fn verification_uri(&self) -> &str {
        &self.verification_uri
    }
    /// An address that holds the code already, if the issuer gives one.
    pub fn verification_uri_complete(&self) -> Option<&str> {
        self.verification_uri_complete.as_deref()
    }
    /// Until when.
    pub fn ends_at(&self) -> Millis {
        self.ends_at
    }

    /// Waits until the person has agreed, has said no, or the time is over.
    pub async fn finish(self) -> Result<(), Error> {
        let inner = &self.session.inner;
        let (mut interval, mut once) = (self.interval, self.interval);
        loop {
            let now = inner.now();
            if now + crate::flight::millis(once) > self.ends_at {
                return Err(inner.denied("nobody agreed in time", true));
            }
            inner.settings.clock.sleep(once).await;
            once = interval;
            let mut form = Form::new();
            push(&mut form, "grant_type", "urn:ietf:params:oauth:grant-type:device_code");
            push(&mut form, "device_code", self.device_code.expose());
            let (meaning, sent) = inner.token_request(form).await?;
            match meaning {
                Meaning::Granted(granted) => return inner.signed_in(granted, sent).await,
                Meaning::Passing { what, asked, .. } => {
                    once = (interval * 2)
                        .max(Duration::from_millis(u64::try_from(asked.unwrap_or(0)).unwrap_or(0)));
                    let retry_at = inner.now() + crate::flight::millis(once);
                    inner.tell(&Event::Failed { reason: what, retry_at });
                }
                Meaning::Refused(refusal) => match refusal.error.as_deref() {
                    Some("authorization_pending") => {}
                    Some("slow_down") => {
                        interval += Duration::from_secs(5);
                        once = interval;
                    }
                    Some("invalid_grant") => return Err(inner.refused(Reason::Denied, &refusal).into()),
                    _ => return Err(inner.refused(final_reason(&refusal), &refusal).into()),
                },
                Meaning::Nonce => {
                    return Err(inner.refused(Reason::ClientRefused, &Refusal::nonces()).into());
                }
            }
        }
    }
}
