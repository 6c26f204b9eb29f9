"""What an API's answer means to the session that authorized the call."""

from __future__ import annotations


from dataclasses import dataclass, field

from .cause import Cause
from .core import Core, sent_token
from .effects import Flow, now
from .errors import SessionError
from .message import Answer, origin_of
from .refusal import Refusal, challenge, error_for, explain
from .state import Reason

NONCES = 2


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
    nonces: int = 0



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
    sent = sent_token(exchange.sent)
    held_refused = core.token is not None and sent is not None and core.token.secret == sent
    if refusal.cause == Cause.SESSION_DISPLACED:
        if held_refused or core.token is None:
            _drop(core)
            core.needs(Reason.DISPLACED, moment, refusal)
        return KEEP
    if isinstance(refusal.cause, Cause) and not refusal.cause.renew and core.renewable:
        return KEEP
    if refusal.error == "insufficient_scope" or exchange.repeated:
        return KEEP
    if not core.renewable:
        if core.settings.grant == "api_key":
            core.ready = None
            core.needs(Reason.KEY_REFUSED, moment, refusal)
        elif held_refused:
            _drop(core)
            core.needs(Reason.KEY_REFUSED, moment, refusal)
        return KEEP
    if held_refused:
        _drop(core)
    exchange.repeated = True
    return Judgement(again=exchange.replayable, renew=True, refusal=refusal)


def _drop(core: Core) -> None:
    """The held token is dead, whatever its end says."""
    if core.token is not None:
        core.refused = core.token.reveal()
    core.hold(None)


def after_refusal(error: SessionError, refusal: Refusal | None) -> SessionError:
    """The error of a renewal, with the refusal that made it necessary as its origin."""
    if refusal is not None:
        error.__cause__ = error_for(refusal)
    return error


