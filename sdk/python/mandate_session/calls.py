"""What an API's answer means to the session that authorized the call."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field

from .asking import WRONG_CLOCK_MS
from .cause import Cause
from .core import Core
from .effects import Flow, now, random
from .errors import SessionError
from .headers import sent_token
from .message import Answer, origin_of
from .refusal import Refusal, challenge, error_for, explain
from .secret import Secret
from .state import Reason

NONCES = 2
#: Families of causes that no new token mends because the credential itself is dead. Others are about the request.
DEAD = ("credential.", "grant.")


@dataclass
class Exchange:
    """One call of a program, through its repetitions. `replayable`: it can be sent again (its body is no stream)."""

    method: str
    url: str
    replayable: bool = True
    #: the headers that were sent; they hold the token
    sent: dict[str, str] = field(default_factory=dict, repr=False)
    #: it was already repeated with another token
    repeated: bool = False
    #: when the first 401 came that was answered with a renewal
    first_refused_at: int | None = None
    nonces: int = 0
    #: a proof was made anew because this machine's clock had been wrong
    corrected: bool = False


@dataclass(frozen=True)
class Judgement:
    """What to do with an answer: nothing, or send again; first renew the token that was refused, if `renew`."""

    again: bool = False
    renew: bool = False
    refusal: Refusal | None = None


KEEP = Judgement()


def judge_call(core: Core, exchange: Exchange, answer: Answer) -> Flow[Judgement]:
    """Section 6: nonce, causes that no token mends, another token by now, or a renewal."""
    origin = origin_of(exchange.url)
    nonce = answer.headers.get("dpop-nonce")
    if nonce and origin:
        core.nonces[origin] = nonce
    if answer.status != 401:
        core.fresh.taken()
        return KEEP
    refusal = explain(answer, core.secrets())
    if refusal is None:
        return KEEP
    said = challenge(answer.headers)
    if nonce and core.settings.dpop and "use_dpop_nonce" in (said.get("error"), refusal.error):
        if exchange.replayable and exchange.nonces < NONCES:
            exchange.nonces += 1
            return Judgement(again=True)
        return KEEP
    moment = yield from now()
    if core.settings.dpop and "invalid_dpop_proof" in (said.get("error"), refusal.error):
        if exchange.replayable and not exchange.corrected and _clock_was_wrong(core, exchange, answer, moment):
            exchange.corrected = True
            return Judgement(again=True)
    sent = sent_token(exchange.sent)
    if refusal.cause == Cause.SESSION_DISPLACED:
        if core.drop(sent) or core.token is None:
            core.needs(Reason.DISPLACED, moment, refusal)
        return KEEP
    if isinstance(refusal.cause, Cause) and not refusal.cause.renew and (core.renewable or not refusal.cause.startswith(DEAD)):
        return KEEP
    if refusal.error == "insufficient_scope":
        return KEEP
    if exchange.repeated and not _says_nothing(core, exchange, sent, moment):
        if sent is not None and core.holds(sent, moment):
            core.fresh.refused(sent, moment, (yield from random()))
        return KEEP
    if not core.renewable:
        if core.settings.grant == "api_key":
            core.ready = None
            core.needs(Reason.KEY_REFUSED, moment, refusal)
        elif core.drop(sent):
            core.needs(Reason.KEY_REFUSED, moment, refusal)
        return KEEP
    if core.fresh.holds(moment) and core.holds(sent, moment):
        return KEEP
    core.drop(sent)
    exchange.repeated = True
    if exchange.first_refused_at is None:
        exchange.first_refused_at = moment
    return Judgement(again=exchange.replayable, renew=True, refusal=refusal)


def _says_nothing(core: Core, exchange: Exchange, sent: Secret | None, moment: int) -> bool:
    """Was a repeated call refused for a reason that says nothing against the next token? Its token ended before it was looked at, or
    it was asked for before the first refusal came: another process or caller had it already, and what killed the first may have
    killed it too. Neither can go on: tokens end seldom, and a new one is asked for later. Of a call that is told of by hand it is not
    known when it was refused first: only the token's end counts then."""
    first = exchange.first_refused_at
    if first is None:
        return core.ended(sent, moment)
    if moment - first >= core.settings.patience * 1000:
        return False
    return core.ended(sent, moment) or core.asked_for_before(sent, first)


def _clock_was_wrong(core: Core, exchange: Exchange, answer: Answer, moment: int) -> bool:
    """Does this answer's `Date` show that the refused proof carried a wrong time? Then the right one is known from here on."""
    proof = next((value for name, value in exchange.sent.items() if name.lower() == "dpop"), "")
    try:
        part = proof.split(".")[1]
        iat = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["iat"]
        sent = int(iat) * 1000 - core.skew_ms
    except (IndexError, ValueError, KeyError, TypeError):
        return False
    before = core.skew_ms
    # the proof's seconds are cut off: up to one more than the round trip
    core.learn(max(sent, moment - 2_000) if moment - sent <= 3_000 else sent, moment, answer)
    return abs(core.skew_ms - before) > WRONG_CLOCK_MS


def after_refusal(error: SessionError, refusal: Refusal | None) -> SessionError:
    """The error of a renewal, with the refusal that made it necessary as its origin."""
    if refusal is not None:
        error.__cause__ = error_for(refusal)
    return error


