import asyncio
from collections.abc import Iterator

import pytest

from stages.core.background import BackgroundLoop


@pytest.fixture
def loop() -> Iterator[BackgroundLoop]:
    background = BackgroundLoop()
    yield background
    background.close()


def test_work_returns_and_raises(loop: BackgroundLoop) -> None:
    async def work(value: int) -> int:
        if value < 0:
            raise TimeoutError("its own")
        return value + 1

    assert loop.run(work(1)) == 2
    with pytest.raises(TimeoutError, match="its own"):
        loop.run(work(-1))
    assert loop.run(work(2)) == 3


def test_an_exception_of_the_waiting_thread_ends_all_work_before_it_propagates(loop: BackgroundLoop) -> None:
    ended: list[str] = []

    async def step(name: str) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(name)

    async def work() -> None:
        await asyncio.gather(step("a"), step("b"))

    def tick() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop.run(work(), tick)
    assert sorted(ended) == ["a", "b"]


def test_it_works_where_a_loop_is_already_running(loop: BackgroundLoop) -> None:
    async def inner() -> int:
        return 5

    async def notebook() -> int:
        return loop.run(inner())

    assert asyncio.run(notebook()) == 5
