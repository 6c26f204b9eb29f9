"""How programs use the library, for mypy: each `type: ignore` is a mistake that must be found (an unused one is an error)."""

from collections.abc import AsyncIterator, Iterator

import httpx
import requests

import mandate_session.httpx
import mandate_session.requests
from mandate_session import AsyncSession, Cause, FileStore, MemoryStore, Need, NeedsLogin, Reason, Session, State, Token


def sync_program() -> None:
    session: Session = Session.client_credentials("app", "secret", token_endpoint="https://x.example/token", scope=["a", "b"], store=FileStore("/tmp/x", "a"))
    headers: dict[str, str] = session.authorize("GET", "https://api.example/")
    again: dict[str, str] | None = session.answered("GET", "https://api.example/", headers, 401, {"a": "b"}, b"")
    state: State = session.state()
    tokens: Iterator[Token] = session.renewals()
    httpx.Client(auth=mandate_session.httpx.Auth(session))
    requests.Session().auth = mandate_session.requests.Auth(session)
    Session.password("app", "user", "password", token_endpoint="https://x.example/token", store=MemoryStore())
    try:
        session.token()
    except NeedsLogin as error:
        need: Need = error.need
        reason: Reason = error.reason
        print(need, reason, error.cause == Cause.TOKEN_EXPIRED)
    print(again, state, tokens)


async def async_program() -> None:
    session: AsyncSession = AsyncSession.device("app", issuer="https://x.example")
    prompt = await session.login.begin_device()
    await session.login.finish_device(prompt)
    headers: dict[str, str] = await session.authorize("GET", "https://api.example/")
    tokens: AsyncIterator[Token] = session.renewals()
    httpx.AsyncClient(auth=mandate_session.httpx.Auth(session))
    print(headers, tokens)


def mistakes(session: Session) -> None:
    Session.client_credentials("app", 7)  # type: ignore[arg-type]
    Session.client_credentials("app", "secret", tokn_endpoint="x")  # type: ignore[call-arg]
    Session.client_credentials("app", "secret", auth="basik")  # type: ignore[typeddict-item, arg-type, unused-ignore]
    mandate_session.requests.Auth(AsyncSession.api_key({"a": "b"}))  # type: ignore[arg-type]
    token: str = session.token()  # type: ignore[assignment]
    print(token)
