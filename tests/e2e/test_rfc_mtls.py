"""RFC 8705: clients that authenticate by certificate, and tokens that are bound to one."""

from __future__ import annotations

import base64
import ipaddress
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509

from harness.certificates import Authority, Identity
from harness.demo import Demo
from harness.mutual import WEB, MutualBank, confirmed, mutual_bank
from harness.node import converse
from harness.rfc import Bank, Json, Key, Party, challenged, claims_of, denied, ok, said

SUBJECT = "CN=app,O=Example"
NAMES: list[x509.GeneralName] = [
    x509.DNSName("app.example"),
    x509.UniformResourceIdentifier("https://app.example/id"),
    x509.IPAddress(ipaddress.ip_address("192.0.2.7")),
    x509.RFC822Name("ops@app.example"),
]
EACH_NAME = {
    "tls_client_auth_subject_dn": SUBJECT,
    "tls_client_auth_san_dns": "app.example",
    "tls_client_auth_san_uri": "https://app.example/id",
    "tls_client_auth_san_ip": "192.0.2.7",
    "tls_client_auth_san_email": "ops@app.example",
}
OWN = ["client_credentials"]
BOUND = {"tls_client_certificate_bound_access_tokens": True}


@pytest.fixture(scope="module")
def begun(
    start_demo: Callable[..., AbstractContextManager[Demo]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[MutualBank, Authority]]:
    with mutual_bank(start_demo, "rfc-mtls", tmp_path_factory.mktemp("mtls")) as made:
        yield made


@pytest.fixture
def bank(begun: tuple[MutualBank, Authority]) -> MutualBank:
    begun[0].demo.advance(61)
    return begun[0]


@pytest.fixture(scope="module")
def authority(begun: tuple[MutualBank, Authority]) -> Authority:
    return begun[1]


@pytest.fixture(scope="module")
def app(authority: Authority) -> Identity:
    return authority.issue(SUBJECT, NAMES)


def by_authority(**more: Any) -> Json:
    return {"auth_method": "tls_client_auth", "tls_client_auth_san_dns": "app.example"} | more


def by_itself(identity: Identity, **more: Any) -> Json:
    thumbprints = {"tls_client_certificate_thumbprints": [identity.thumbprint]}
    return {"auth_method": "self_signed_tls_client_auth"} | thumbprints | more


def own_token(bank: MutualBank, party: Party, identity: Identity | None) -> requests.Response:
    return bank.showing(identity).own_token(party, scope="accounts")


# -- client authentication ------------------------------------------------------------------------------------


@pytest.mark.parametrize("setting", EACH_NAME)
def test_rfc8705_2_1_an_authority_and_the_registered_name(bank: MutualBank, authority: Authority, app: Identity, setting: str) -> None:
    party = bank.client("accounts", auth_method="tls_client_auth", grants=OWN, **{setting: EACH_NAME[setting]})
    tokens = ok(own_token(bank, party, app))
    assert tokens["token_type"] == "Bearer" and "cnf" not in claims_of(tokens["access_token"])
    other = authority.issue("CN=other,O=Example", [x509.DNSName("other.example")])
    denied(own_token(bank, party, other), 401, "invalid_client", "client.rejected")


def test_rfc8705_2_1_what_no_authority_vouches_for(bank: MutualBank, authority: Authority, tmp_path: Path) -> None:
    """Its own signature, another authority's, a certificate of a server, an expired one, none: one answer."""
    party = bank.client("accounts", **by_authority(grants=OWN))
    stranger = Authority(tmp_path, "CN=Client Authority,O=Example").issue(SUBJECT, NAMES)
    server = authority.issue(SUBJECT, NAMES, x509.oid.ExtendedKeyUsageOID.SERVER_AUTH)
    expired = authority.issue(SUBJECT, NAMES, days=-1)
    refused = [own_token(bank, party, shown) for shown in (stranger, server, expired, authority.self_signed(SUBJECT), None)]
    nobody = Party("nobody", "unknown", "tls_client_auth")
    refused.append(own_token(bank, nobody, stranger))
    bodies = [denied(answer, 401, "invalid_client", "client.rejected") for answer in refused]
    for body in bodies:
        for varying in ("decision_id", "error_uri"):
            body.pop(varying)
    assert all(body == bodies[0] for body in bodies), bodies


def test_rfc8705_2_1_a_chain_over_time(own_bank: tuple[MutualBank, Authority]) -> None:
    """The node's own clock says whether a certificate is in its time."""
    bank, authority = own_bank
    party, short = bank.client("accounts", **by_authority(grants=OWN)), authority.issue(SUBJECT, NAMES, days=2)
    ok(own_token(bank, party, short))
    bank.demo.advance(3 * 86_400)
    denied(own_token(bank, party, short), 401, "invalid_client", "client.rejected")


@pytest.fixture
def own_bank(
    start_demo: Callable[..., AbstractContextManager[Demo]], tmp_path: Path
) -> Iterator[tuple[MutualBank, Authority]]:
    with mutual_bank(start_demo, "rfc-mtls-own", tmp_path) as made:
        yield made


def test_rfc8705_2_2_a_registered_certificate(bank: MutualBank, authority: Authority, app: Identity) -> None:
    own, other = authority.self_signed("CN=own"), authority.self_signed("CN=own")
    key = {"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"}
    key |= {"y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0", "x5c": [base64.b64encode(own.der).decode()]}
    published = {"auth_method": "self_signed_tls_client_auth", "jwks": json.dumps({"keys": [key]})}
    for settings in (by_itself(own), published):
        party = bank.client("accounts", grants=OWN, **settings)
        ok(own_token(bank, party, own))
        for wrong in (other, app, None):
            denied(own_token(bank, party, wrong), 401, "invalid_client", "client.rejected")


def test_a_certificate_replaces_no_secret_and_no_secret_a_certificate(bank: MutualBank, app: Identity) -> None:
    by_secret, by_certificate = bank.client("accounts", grants=OWN), bank.client("accounts", **by_authority(grants=OWN))
    fields = {"grant_type": "client_credentials", "scope": "accounts"}
    named = {"client_id": by_secret.id}
    denied(bank.showing(app).post("/token", None, fields | named), 401, "invalid_client", "client.rejected")
    guessed = {"client_id": by_certificate.id, "client_secret": "mcs_guessed-guessed-guessed"}
    denied(bank.showing(app).post("/token", None, fields | guessed), 401, "invalid_client", "client.rejected")


def test_a_code_that_another_certificate_tried_is_still_good(bank: MutualBank, authority: Authority, app: Identity) -> None:
    party = bank.client(**by_authority(grants=WEB))
    code = bank.showing(app).code(party)
    other = authority.issue("CN=other", [x509.DNSName("other.example")])
    denied(bank.showing(other).redeem(party, code), 401, "invalid_client", "client.rejected")
    ok(bank.showing(app).redeem(party, code))


REFUSED: dict[str, Json] = {
    "exactly one of": {"auth_method": "tls_client_auth"},
    "tls_client_auth needs exactly one": by_authority(tls_client_auth_subject_dn=SUBJECT),
    "no distinguished name": {"auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "app"},
    "needs the client's certificates": {"auth_method": "self_signed_tls_client_auth"},
    "holds a certificate": {"auth_method": "self_signed_tls_client_auth", "jwks": '{"keys": []}'},
    "one of the two": {"dpop_bound": True} | BOUND,
    "fapi2 wants": by_authority(profile="fapi2"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_rfc8705_2_1_2_registrations_that_are_refused(bank: MutualBank, tmp_path: Path, why: str) -> None:
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"grants": OWN} | REFUSED[why]))
    ran = bank.demo.cli.run("client", "create", "--platform", "rfc", "--name", "x", "--scope", "accounts", "--settings", str(file))
    assert ran.code != 0 and why in ran.err, ran


# -- bound tokens ---------------------------------------------------------------------------------------------


def check_bound(bank: MutualBank, token: str, identity: Identity, other: Identity) -> None:
    """RFC 8705 sections 3, 3.1 and 3.2: at the API, for userinfo, to an introspecting API."""
    assert confirmed(claims_of(token)) == identity.thumbprint
    about = bank.showing(None).introspect(token)
    assert about["active"] and confirmed(about) == identity.thumbprint and about["token_type"] == "Bearer", about
    right = bank.showing(identity).accounts(token)
    assert right.status_code == 200, said(right)
    challenged(bank.showing(None).accounts(token), "invalid_token", "certificate.missing")
    challenged(bank.showing(other).accounts(token), "invalid_token", "certificate.mismatch")
    if "openid" in claims_of(token)["scope"].split():
        ok(bank.showing(identity).userinfo(token))
        challenged(bank.showing(None).userinfo(token), "invalid_token", "certificate.missing")
        challenged(bank.showing(other).userinfo(token), "invalid_token", "certificate.mismatch")


@pytest.fixture(scope="module")
def other(authority: Authority) -> Identity:
    return authority.issue(SUBJECT, NAMES)


@pytest.mark.parametrize("token_format", ["jwt", "opaque"])
def test_rfc8705_3_tokens_of_a_client_for_itself(bank: MutualBank, app: Identity, other: Identity, token_format: str) -> None:
    """A client that wants opaque tokens gets signed ones: an opaque one could not say what it is bound to."""
    party = bank.client("accounts", **by_authority(grants=OWN, access_token=token_format), **BOUND)
    check_bound(bank, ok(own_token(bank, party, app))["access_token"], app, other)


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_rfc8705_3_binding_beside_another_authentication(bank: MutualBank, app: Identity, other: Identity, method: str) -> None:
    party = bank.client("accounts", auth_method=method, grants=OWN, **BOUND)
    check_bound(bank, ok(own_token(bank, party, app))["access_token"], app, other)
    denied(own_token(bank, party, None), 400, "invalid_request", "certificate.missing")


def test_rfc8705_3_tokens_of_a_code_and_of_its_refresh_tokens(bank: MutualBank, app: Identity, other: Identity) -> None:
    """A confidential client may change its certificate (section 7.1): new tokens are bound to the new one."""
    party = bank.client(**by_authority(grants=WEB), **BOUND)
    tokens = bank.showing(app).tokens(party)
    check_bound(bank, tokens["access_token"], app, other)
    renewed = ok(bank.showing(other).refresh(party, tokens["refresh_token"]))
    check_bound(bank, renewed["access_token"], other, app)


def test_rfc8705_4_refresh_tokens_of_public_clients(bank: MutualBank, authority: Authority, app: Identity, other: Identity) -> None:
    party = bank.client(auth_method="none", grants=WEB, **BOUND)
    alone = authority.self_signed()
    for own in (app, alone):
        tokens = bank.showing(own).tokens(party)
        check_bound(bank, tokens["access_token"], own, other)
        denied(bank.showing(None).refresh(party, tokens["refresh_token"]), 400, "invalid_request", "certificate.missing")
        denied(bank.showing(other).refresh(party, tokens["refresh_token"]), 400, "invalid_grant", "refresh.invalid")
        check_bound(bank, ok(bank.showing(own).refresh(party, tokens["refresh_token"]))["access_token"], own, other)


def test_rfc8705_3_tokens_of_a_device(bank: MutualBank, app: Identity, other: Identity) -> None:
    device = "urn:ietf:params:oauth:grant-type:device_code"
    party = bank.client("openid accounts", auth_method="none", grants=[device, "refresh_token"], **BOUND)
    flow = ok(bank.post("/device_authorization", party, {"scope": "openid accounts"}))
    browser = bank.browser()
    page = browser.submit(bank.page(f"{bank.issuer}/device"), "device-submit", {"user_code": flow["user_code"]})
    if page.path == "/login":
        who = bank.people["alice"]
        page = browser.submit(page, "login-submit", {"username": who.name, "password": who.password})
    browser.submit(page, "consent-allow")
    fields = {"grant_type": device, "device_code": flow["device_code"]}
    denied(bank.token(party, **fields), 400, "invalid_request", "certificate.missing")
    check_bound(bank, ok(bank.showing(app).token(party, **fields))["access_token"], app, other)


def test_a_bound_token_is_no_dpop_token(bank: MutualBank, app: Identity) -> None:
    party, key = bank.client("accounts", **by_authority(grants=OWN), **BOUND), Key()
    showing = bank.showing(app)
    fields = {"grant_type": "client_credentials", "scope": "accounts"}
    denied(showing.token(party, showing.token_proof(key), **fields), 400, "invalid_dpop_proof", "dpop.invalid")
    token = ok(showing.token(party, **fields))["access_token"]
    challenged(showing.accounts_proven(token, key), "invalid_dpop_proof", scheme="DPoP")


def test_r20_a_header_that_nobody_configured(bank: MutualBank, app: Identity) -> None:
    party = bank.client("accounts", **by_authority(grants=OWN), **BOUND)
    token = ok(own_token(bank, party, app))["access_token"]
    for header in ("Client-Cert", "X-Client-Cert", "X-SSL-Client-Cert"):
        for value in (f":{base64.b64encode(app.der).decode()}:", requests.utils.quote(app.pem)):
            answer = bank.call("GET", f"{bank.api}/accounts", headers={"Authorization": f"Bearer {token}", header: value})
            challenged(answer, "invalid_token", "certificate.missing")


# -- what is said and what is not -----------------------------------------------------------------------------


def test_rfc8705_3_3_metadata(bank: MutualBank) -> None:
    found = bank.metadata()
    assert found["tls_client_certificate_bound_access_tokens"] is True
    for endpoint in ("token", "introspection", "revocation"):
        methods = found[f"{endpoint}_endpoint_auth_methods_supported"]
        assert {"tls_client_auth", "self_signed_tls_client_auth"} <= set(methods), methods


def test_rfc8705_3_3_metadata_of_a_server_that_sees_no_certificates(demo: Demo) -> None:
    found = Bank.of(demo).metadata()
    assert found["tls_client_certificate_bound_access_tokens"] is False
    assert not any("tls" in method for method in found["token_endpoint_auth_methods_supported"]), found


# -- FAPI 2.0 -------------------------------------------------------------------------------------------------


def fapi(**more: Any) -> Json:
    return {"profile": "fapi2", "grants": WEB, "requires_par": True, "refresh": "static", "id_token_alg": "PS256"} | BOUND | more


def test_fapi2_by_certificate_and_bound_to_it(bank: MutualBank, app: Identity, other: Identity) -> None:
    party = bank.client(**by_authority(**fapi()))
    showing = bank.showing(app)
    with pytest.raises(AssertionError, match="request.must_be_pushed|error"):
        showing.code(party, pushed=False)
    tokens = showing.tokens(party)
    check_bound(bank, tokens["access_token"], app, other)
    denied(bank.showing(None).post("/par", party, showing.request(party)), 401, "invalid_client", "client.rejected")


@pytest.mark.parametrize("package", ["openid-client", "oauth4webapi"])
@pytest.mark.parametrize("method", ["tls_client_auth", "self_signed_tls_client_auth"])
@pytest.mark.parametrize("profile", ["default", "fapi2"])
def test_packages(bank_in_time: tuple[MutualBank, Authority], package: str, method: str, profile: str) -> None:
    """openid-client 6 and oauth4webapi 3 unmodified: code flow, refresh, userinfo and the API, all with the certificate."""
    bank, authority = bank_in_time
    identity = authority.issue(SUBJECT, NAMES) if method == "tls_client_auth" else authority.self_signed()
    settings = by_authority() if method == "tls_client_auth" else by_itself(identity)
    strict = profile == "fapi2"
    party = bank.client(**settings, **(fapi() if strict else {"grants": WEB, "id_token_alg": "PS256"} | BOUND))
    task = {
        "flow": "code",
        "issuer": bank.issuer,
        "api": bank.api,
        "client": {"client_id": party.id, "auth_method": method},
        "redirect_uri": party.redirect_uri,
        "scope": "openid profile email offline_access accounts",
        "algorithm": "oidc",
        "skew": 0,
        "pkce": True,
        "par": strict,
        "id_token_alg": "PS256",
        "tls": {"ca": str(bank.trust), "cert": str(identity.certificate), "key": str(identity.key)},
    }
    result = converse(f"rfc/{package}.mjs", task, bank.follow)
    assert result["tokens"]["token_type"] == "bearer"
    assert result["userinfo"]["sub"] == result["claims"]["sub"] == bank.subjects["alice"]
    for name in ("accounts", "refreshed_accounts"):
        assert result[name]["status"] == 200 and bank.people["alice"].accounts["live"] in result[name]["body"], result[name]
    for kind in ("tokens", "refreshed"):
        assert confirmed(claims_of(result[kind]["access_token"])) == identity.thumbprint
    challenged(bank.showing(None).accounts(result["tokens"]["access_token"]), "invalid_token", "certificate.missing")


@pytest.fixture(scope="module")
def bank_in_time(
    start_demo: Callable[..., AbstractContextManager[Demo]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[MutualBank, Authority]]:
    """A demo whose clock stays with the machine's: the packages know no other."""
    with mutual_bank(start_demo, "rfc-mtls-node", tmp_path_factory.mktemp("mtls-node")) as made:
        yield made
