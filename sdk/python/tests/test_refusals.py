"""Causes, and what an answer of the API means to the session."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mandate_session import Answer, Cause, Request, Session

from standins import URL, Clock, Issuer, session

ROOT = Path(__file__).resolve().parents[1]


def test_causes_are_constants_and_in_step_with_the_catalogue():
    assert Cause.TOKEN_EXPIRED == "token.expired" and Cause.TOKEN_EXPIRED.renew
    assert str(Cause.SESSION_DISPLACED) == "session.displaced" and not Cause.SESSION_DISPLACED.renew
    assert Cause.SCOPE_MISSING.title and Cause.SCOPE_MISSING.remedy and Cause.SCOPE_MISSING.who_can_act == "caller"
    assert Cause.named("moon.full") is None
    subprocess.run([sys.executable, str(ROOT / "tools" / "make_causes.py"), "--check"], check=True)


def test_the_check_of_the_causes_can_fail(tmp_path):
    for part in ("tools", "mandate_session"):
        (tmp_path / "sdk" / "python" / part).mkdir(parents=True)
    text = (ROOT / "tools" / "make_causes.py").read_text()
    (tmp_path / "sdk" / "python" / "tools" / "make_causes.py").write_text(text)
    (tmp_path / "causes.json").write_bytes((ROOT.parents[1] / "causes.json").read_bytes())
    (tmp_path / "sdk" / "python" / "mandate_session" / "cause.py").write_text("# behind\n")
    done = subprocess.run([sys.executable, str(tmp_path / "sdk/python/tools/make_causes.py"), "--check"], capture_output=True, text=True)
    assert done.returncode == 1 and "behind" in done.stderr


@pytest.mark.parametrize(("cause", "dead"), [
    ("credential.rejected", True), ("credential.superseded", True), ("credential.revoked", True), ("moon.full", True), (None, True),
    ("environment.mismatch", False), ("account.not_covered", False), ("licence.delegated_access", False), ("token.audience", False),
])
def test_which_refusals_kill_a_key(cause, dead):
    ours = Session.api_key({"K": "key-of-program"})
    sent = ours.authorize("GET", URL)
    assert ours.answered("GET", URL, sent, 401, {"mandate-cause": cause} if cause else {}) is None
    assert (ours.state().reason == "key_refused") is dead


def test_a_proof_that_the_api_finds_too_old_is_made_anew_by_its_clock():
    import base64
    import email.utils

    class Api(Issuer):
        def send(self, request: Request, timeout: float) -> Answer:
            if request.url.endswith("/token"):
                return Answer(200, {}, json.dumps({"access_token": "access-1", "token_type": "DPoP", "expires_in": 600}).encode())
            self.asked.append(request)
            part = request.headers["DPoP"].split(".")[1]
            iat = json.loads(base64.urlsafe_b64decode(part + "=="))["iat"]
            if abs(iat - (clock.now + 600)) < 30:
                return Answer(200)
            date = email.utils.formatdate(clock.now + 600, usegmt=True)
            return Answer(401, {"date": date, "www-authenticate": 'DPoP error="invalid_dpop_proof"', "mandate-cause": "dpop.invalid"})

    clock, api = Clock(), Api()
    ours = session(api, dpop=True, clock=clock)
    assert ours.fetch("GET", URL).status == 200 and len(api.asked) == 2
    assert ours.fetch("GET", URL).status == 200 and len(api.asked) == 3
    clock.now += 100
    assert ours.fetch("GET", URL).status == 200
