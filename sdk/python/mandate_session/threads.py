"""Work that blocks, for tasks: each piece in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from .store import Taken

T = TypeVar("T")


def give_back(taking: asyncio.Future[Any]) -> None:
    """Releases a lock that was taken although nobody waits for it any more."""
    if not taking.cancelled() and taking.exception() is None and isinstance(taking.result(), Taken):
        threading.Thread(target=taking.result().lock.release, daemon=True).start()


def thread_future(work: Callable[[], T]) -> asyncio.Future[T]:
    """Runs something that blocks in a thread of its own. No pool: a wait for a lock must not use up the loop's executor."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def finish(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as found:  # noqa: BLE001 - told to who waits
            error = found
        try:
            loop.call_soon_threadsafe(finish, result, error)
        except RuntimeError:
            # the loop is gone, and with it who waited
            if isinstance(result, Taken):
                result.lock.release()

    threading.Thread(target=run, name="mandate-session", daemon=True).start()
    return future


async def in_thread(work: Callable[[], T]) -> T:
    """The result of something that blocks."""
    return await thread_future(work)
