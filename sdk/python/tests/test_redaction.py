"""Nothing that a session says holds a secret."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback

import pytest

import mandate_session
from mandate_session import Answer, Lost, NeedsLogin, Secret, Session, Unavailable

from standins import Clock, Issuer, session

SECRETS = ("s3cret-of-client", "p4ss-of-person", "refresh-1", "refresh-2", "access-1", "access-2")


def everything_said(*values: object) -> str:
    parts = []
    for value in values:
        parts += [repr(value), str(value), f"{value}", f"{value!r:>1}"]
        if isinstance(value, BaseException):
            parts.append("".join(traceback.format_exception(value)))
    return "\n".join(parts)


def test_nothing_prints_a_secret(caplog):
    caplog.set_level(logging.DEBUG)
    events: list[object] = []
    issuer = Issuer()
    description = f"refresh-1 of {SECRETS[0]} is no good"
    ours = Session.password("app", "user", "p4ss-of-person", "s3cret-of-client", token_endpoint="https://issuer.example/token", auth="post",
                            transport=issuer, observer=events.append, clock=(clock := Clock()))
    token = ours.token()
    clock.now += 601
    issuer.answers = [Lost("cut"), Answer(400, {}, json.dumps({"error": "invalid_client", "error_description": description}).encode())]
    ours._sleep = lambda seconds: setattr(clock, "now", clock.now + seconds)
    with pytest.raises(NeedsLogin) as caught:
        ours.token()
    refusal = ours.refusal(Answer(401, {}, b'{"message": "the token access-1 is not good"}'))
    prompt = mandate_session.CodePrompt("https://x/?state=refresh-1", "http://127.0.0.1/callback", Secret("refresh-1"), Secret("access-1"))
    said = everything_said(ours, ours._core, ours.settings, ours.state(), token, caught.value, caught.value.need, refusal, prompt, ours.login,
                           issuer.asked[0], Secret("access-1"), [Secret("access-1")], *events) + caplog.text
    for secret in SECRETS:
        assert secret not in said
    assert "[secret]" in said and "no good" in str(caught.value)


def test_secrets_are_neither_pickled_nor_copied_into_json():
    ours = session(Issuer())
    token = ours.token()
    for value in (ours, token, token.secret):
        with pytest.raises(TypeError):
            pickle.dumps(value)
    with pytest.raises(TypeError):
        json.dumps(token.secret)
    with pytest.raises(TypeError):
        copy.deepcopy(ours)


def test_a_token_that_does_not_fit_into_a_header_is_no_token():
    issuer = Issuer()
    issuer.answers = [Answer(200, {}, json.dumps({"access_token": "access-1\r\nX: y"}).encode())] * 3
    ours = session(issuer, sleep=lambda _: None, clock=(clock := Clock()))
    ours._sleep = lambda seconds: setattr(clock, "now", clock.now + seconds)
    with pytest.raises(Unavailable) as caught:
        ours.token()
    assert "access-1" not in everything_said(caught.value)
