//! Devices without a browser (RFC 8628): where they begin, and what their polls are answered.

use super::client::{Authenticated, authenticate};
use super::context::Context;
use super::mint;
use super::token::{Asked, device_refused};
use crate::{Arrival, Fail};
use bytes::Bytes;
use http::{Request, Response};
use mandate_core::device::{DeviceFlow, DeviceState};
use mandate_core::disclosure::FactName as F;
use mandate_core::refusal::Refusal;
use mandate_core::settings::GrantType;
use mandate_core::{Cause, ScopeSet, Secret, format, must};
use mandate_store::{Changed, Polled};
use mandate_wire::body::demand_content_type;
use mandate_wire::dialect::json_answer;
use mandate_wire::form::Form;
use serde_json::json;

pub(super) const PATH: &str = "/device_authorization";
/// The person has so long.
const LIFETIME_S: i64 = 600;
/// Seconds between two polls.
const INTERVAL_S: i64 = 5;
/// Letters that are not taken for others, and make no words (RFC 8628 section 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LENGTH: usize = 8;

/// `POST /device_authorization`.
pub(super) async fn begin(arrival: &Arrival<'_>, request: &Request<Bytes>) -> Result<Response<Bytes>, Fail> {
    demand_content_type(request.headers(), "application/x-www-form-urlencoded")?;
    let form = Form::parse(request.body())?;
    let caller = authenticate(arrival, request, &form).await?;
    offer(arrival, &form, &caller).await.map_err(|fail| caller.told(fail))
}

async fn offer(arrival: &Arrival<'_>, form: &Form, caller: &Authenticated) -> Result<Response<Bytes>, Fail> {
    let client = &caller.client;
    if must!("rfc8628-3.1-client", !client.settings.may_use(GrantType::DeviceCode)) {
        return Err(super::token::not_allowed(arrival, client, GrantType::DeviceCode));
    }
    let allowed = client.scopes.intersection(arrival.tenant.snapshot.known_scopes());
    let scopes = ScopeSet::parse(form.get("scope").unwrap_or("")).ok();
    let scopes = scopes.filter(|asked| !must!("rfc8628-3.1-scope", !allowed.covers(asked)));
    let scopes =
        scopes.ok_or_else(|| Refusal::anonymous(Cause::ScopeInvalid).with(F::ScopesAllowed, &allowed))?;
    if !caller.marks.is_empty()
        && let Some(kind) = arrival.issuer.store.mark(arrival.platform(), &caller.marks, arrival.now).await?
    {
        return Err(super::token::reused(kind));
    }
    let entropy = &*arrival.issuer.entropy;
    let secret = Secret::new(format::opaque("mdc_", entropy));
    // Two of a million codes under way are the same with a chance of 1 in 25: then another one is tried.
    for _ in 0..4 {
        let user_code = user_code(arrival);
        let flow = DeviceFlow {
            platform: arrival.platform().clone(),
            digest: secret.digest(),
            user_code: user_code.as_str().into(),
            client: client.id.clone(),
            scopes: scopes.clone(),
            context: "".into(),
            issued_at: arrival.now,
            expires_at: arrival.now.plus_seconds(LIFETIME_S),
            interval_ms: INTERVAL_S * 1000,
            last_poll: None,
            state: DeviceState::Pending,
        };
        if arrival.issuer.store.create_device(&flow).await? == Changed::Done {
            let (issuer, shown) = (arrival.issuer_url(), shown(&user_code));
            return Ok(json_answer(
                200,
                &json!({
                    "device_code": must!("rfc8628-3.2-device-code").then_some(secret.expose()),
                    "user_code": must!("rfc8628-3.2-user-code").then_some(&shown),
                    "verification_uri": must!("rfc8628-3.2-uri").then(|| format!("{issuer}/device")),
                    "verification_uri_complete": format!("{issuer}/device?user_code={shown}"),
                    "expires_in": must!("rfc8628-3.2-expires-in").then_some(LIFETIME_S),
                    "interval": INTERVAL_S,
                }),
            ));
        }
    }
    Err(Refusal::anonymous(Cause::Internal).into())
}

/// Eight letters: 34 bits, guessed at ten a minute at most for ten minutes.
fn user_code(arrival: &Arrival<'_>) -> String {
    let mut code = String::with_capacity(LENGTH);
    while code.len() < LENGTH {
        let mut bytes = [0; 16];
        arrival.issuer.entropy.fill(&mut bytes);
        // 240 is twelve times twenty: no letter is likelier than another
        let even = bytes.iter().filter(|b| **b < 240).map(|b| char::from(LETTERS[usize::from(b % 20)]));
        code.extend(even.take(LENGTH - code.len()));
    }
    code
}

/// As it is shown: in two groups.
fn shown(code: &str) -> String {
    let (first, second) = code.split_at(code.len() / 2);
    format!("{first}-{second}")
}

/// What a person typed, as it is looked up; `None` for what cannot be a code.
pub(crate) fn normalised(typed: &str) -> Option<String> {
    let mut code = typed.to_owned();
    if must!("rfc8628-6.1-punctuation") {
        code.retain(|c| c.is_ascii_alphanumeric());
    }
    if must!("rfc8628-6.1-case") {
        code.make_ascii_uppercase();
    }
    (typed.len() <= 40 && code.len() == LENGTH && code.bytes().all(|b| LETTERS.contains(&b))).then_some(code)
}

impl Asked<'_> {
    /// RFC 8628 section 3.4.
    pub(super) async fn device(self) -> Result<Response<Bytes>, Fail> {
        if must!("rfc8628-3.4-code") {
            self.form.required("device_code")?;
        }
        let code = Secret::new(self.form.get("device_code").unwrap_or(""));
        let coming = self.coming();
        let chain = self.client.settings.may_use(GrantType::RefreshToken).then(|| self.chain());
        let minted = self.minted(&coming, chain.clone());
        let (store, platform) = (&self.arrival.issuer.store, self.arrival.platform());
        let client = &self.client.id;
        match store.poll_device(platform, &code.digest(), client, &minted, self.arrival.now).await? {
            Polled::Approved { grant, scopes, context, offset } => {
                let context = Context::read(&context);
                let chain = chain.map(|chain| mint::begun(chain, &grant, &scopes, &context));
                let chain = chain.as_ref().map(|c| (c, c.generation));
                self.answer(&coming, (&grant, offset), &scopes, &context, chain).await
            }
            refused => Err(device_refused(&refused)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc8628_6_1_what_people_type_is_read_kindly() {
        for typed in ["BCDF-GHJK", "bcdf ghjk", "bcdfghjk", " BCDF GHJK "] {
            assert_eq!(normalised(typed).as_deref(), Some("BCDFGHJK"), "{typed}");
        }
        for typed in ["", "BCDF-GHJ", "BCDF-GHJA", "BCDF-GHJKL"] {
            assert_eq!(normalised(typed), None, "{typed}");
        }
        assert_eq!(shown("BCDFGHJK"), "BCDF-GHJK");
    }
}
