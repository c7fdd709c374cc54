"""An event loop in a thread of its own, so that signals reach a waiting main thread and callers stay synchronous.

A signal handler that raises inside a running event loop may be swallowed by it; here the exception is raised in the
thread that waits, which then cancels the work and passes it on. It also works where a loop is already running, as in
a notebook.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, wait
from typing import Any, Final, TypeVar

T = TypeVar("T")

TICK: Final = 0.5
"""Seconds between two calls of `tick` while work is under way."""


class BackgroundLoop:
    """Runs coroutines on one event loop that lives until `close`."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="http client", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], tick: Callable[[], None] = lambda: None) -> T:
        """Run `work` to its end, calling `tick` in this thread meanwhile.

        Returns or raises what `work` does. An exception in this thread, such as one from a signal handler, cancels
        `work`, waits for its end, and propagates.
        """
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            while not wait([future], timeout=TICK).done:
                tick()
            return future.result()
        finally:
            if not future.done():
                self._cancel(future)

    def close(self) -> None:
        """Stop the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _cancel(self, future: "Future[T]") -> None:
        future.cancel()

        async def settle() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.gather(*others, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(settle(), self._loop).result()
