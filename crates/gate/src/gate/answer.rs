//! What goes back to the caller.

use super::Visit;
use crate::body::GateBody;
use crate::front::{Refused, method_word};
use crate::request_id::RequestId;
use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use mandate_core::limit::Budget;
use mandate_wire::Place;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives a refusal its id and its words.
pub(super) fn refuse(visit: Visit<'_>, method: &Method, refused: Refused<'_>) -> Response<GateBody> {
    let route = match refused.route {
        Some(compiled) => format!("{} {}", compiled.route.method, compiled.route.path),
        None => format!("{} (no route)", method_word(method)),
    };
    let place = Place {
        surface: visit.host.surface.as_str(),
        host: &visit.host.name,
        host_index: visit.site.host_index,
        route: &route,
    };
    let decision = visit.site.recorder.name(place, *refused.refusal);
    let issuer = &visit.site.snapshot.platform.issuer;
    let mut response = visit.site.dialect.refusal(visit.host.surface, &decision, issuer);
    if let Some(status) = refused.status {
        *response.status_mut() = status;
    }
    if let Some(allow) = refused.allow {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    dress(response.headers_mut(), visit, refused.budget);
    response.map(|body| if method == Method::HEAD { GateBody::empty() } else { GateBody::full(body) })
}

/// The headers that every answer has.
pub(super) fn dress(headers: &mut HeaderMap, visit: Visit<'_>, budget: Option<Budget>) {
    let budget = budget.unwrap_or_else(|| {
        let snapshot = &visit.site.snapshot;
        let limit = snapshot.plan(&snapshot.platform.default_plan).map_or(0, |p| p.requests_per_minute);
        Budget { limit, remaining: limit, reset: visit.now }
    });
    // One piece of memory for the four values.
    let mut text = BytesMut::with_capacity(visit.id.len() + 3 * 20);
    text.put_slice(visit.id);
    put_number(&mut text, u64::from(budget.limit));
    let remaining = text.len();
    put_number(&mut text, u64::from(budget.remaining));
    let reset = text.len();
    // Rounded up: whoever waits until then has waited long enough.
    put_number(&mut text, u64::try_from(budget.reset.plus_millis(999).seconds()).unwrap_or(0));
    let text = text.freeze();
    headers.insert(LIMIT, value(text.slice(visit.id.len()..remaining)));
    headers.insert(REMAINING, value(text.slice(remaining..reset)));
    headers.insert(RESET, value(text.slice(reset..)));
    headers.insert(REQUEST_ID, value(text.slice(..visit.id.len())));
}

fn put_number(text: &mut BytesMut, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    text.put_slice(&digits[at..]);
}

/// A value made of our own digits and letters.
fn value(text: Bytes) -> HeaderValue {
    HeaderValue::from_maybe_shared(text).unwrap_or(HeaderValue::from_static(""))
}

/// The answer when not even the host is known: the wiring is wrong.
pub(super) fn broken(id: &RequestId) -> Response<GateBody> {
    let mut response = Response::new(GateBody::empty());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response.headers_mut().insert(REQUEST_ID, value(Bytes::copy_from_slice(id)));
    response
}
