"""`session.login`: signing in, and on again."""

from __future__ import annotations

import threading
import webbrowser
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from .core import Core
from .errors import Misconfigured
from .login import CodePrompt, DevicePrompt, again, begin_code, begin_device, finish_code, finish_device
from .loopback import WAIT_S, Loopback
from .threads import in_thread

if TYPE_CHECKING:
    from .aio import AsyncSession
    from .session import Session


class Login:
    """Signing in, and on again: `session.login`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._begun: dict[str, CodePrompt] = {}

    def begin(self, redirect_uri: str) -> CodePrompt:
        """Code: a sign-in that ends at `redirect_uri`. Send the person to its `url`."""
        prompt = self._session._run(begin_code(self._core, redirect_uri))
        while len(self._begun) >= 100:
            self._begun.pop(next(iter(self._begun)))
        self._begun[prompt.state.reveal()] = prompt
        return prompt

    def finish(self, callback_url: str, prompt: CodePrompt | None = None) -> None:
        """Code: the address that the person came back to. `prompt`: what `begin` gave, if it was another session's."""
        self._session._run(finish_code(self._core, callback_url, prompt or pending(self._begun, callback_url)))
        self._signed_in()

    def loopback(self, show: Callable[[str], object] | None = None, seconds: float = WAIT_S) -> None:
        """Code: opens the browser (or lets `show` do it), and waits for it on a port of this machine."""
        listening = Loopback()
        try:
            prompt = self.begin(listening.redirect_uri)
            (show or webbrowser.open)(prompt.url)
            back = listening.wait(prompt.state.reveal(), seconds, self._session._closing.is_set)
        finally:
            listening.close()
        self.finish(back, prompt)

    def begin_device(self) -> DevicePrompt:
        """Device: what to show to the person."""
        return self._session._run(begin_device(self._core))

    def finish_device(self, prompt: DevicePrompt) -> None:
        """Device: waits until the person has decided."""
        self._session._run(finish_device(self._core, prompt))
        self._signed_in()

    def again(self) -> None:
        """Password and client credentials: signs on anew, whatever stood in the way (also after `displaced`)."""
        self._session._run(again(self._core))
        self._session._ensure()

    @property
    def _core(self) -> Core:
        return self._session._core

    def _signed_in(self) -> None:
        self._begun.clear()


class AsyncLogin:
    """Signing in, and on again: `session.login`. See `Login`."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._begun: dict[str, CodePrompt] = {}

    async def begin(self, redirect_uri: str) -> CodePrompt:
        """See `Login.begin`."""
        prompt = await self._session._run(begin_code(self._core, redirect_uri))
        while len(self._begun) >= 100:
            self._begun.pop(next(iter(self._begun)))
        self._begun[prompt.state.reveal()] = prompt
        return prompt

    async def finish(self, callback_url: str, prompt: CodePrompt | None = None) -> None:
        """See `Login.finish`."""
        await self._session._run(finish_code(self._core, callback_url, prompt or pending(self._begun, callback_url)))
        self._begun.clear()

    async def loopback(self, show: Callable[[str], object] | None = None, seconds: float = WAIT_S) -> None:
        """See `Login.loopback`."""
        listening = Loopback()
        stop = threading.Event()
        try:
            prompt = await self.begin(listening.redirect_uri)
            await in_thread(lambda: (show or webbrowser.open)(prompt.url))
            state = prompt.state.reveal()
            back = await in_thread(lambda: listening.wait(state, seconds, lambda: stop.is_set() or self._session._closing.is_set()))
        finally:
            stop.set()
            listening.close()
        await self.finish(back, prompt)

    async def begin_device(self) -> DevicePrompt:
        """See `Login.begin_device`."""
        return await self._session._run(begin_device(self._core))

    async def finish_device(self, prompt: DevicePrompt) -> None:
        """See `Login.finish_device`."""
        await self._session._run(finish_device(self._core, prompt))

    async def again(self) -> None:
        """See `Login.again`."""
        await self._session._run(again(self._core))
        await self._session._ensure()

    @property
    def _core(self) -> Core:
        return self._session._core


def pending(begun: Mapping[str, CodePrompt], callback_url: str) -> CodePrompt:
    """The sign-in that this callback belongs to, by its state; else the newest, whose check then fails."""
    state = parse_qs(urlsplit(callback_url).query).get("state", [""])[0]
    if not begun:
        raise Misconfigured("no sign-in has begun: give `prompt`")
    return begun.get(state) or list(begun.values())[-1]
