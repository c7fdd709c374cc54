"""Signals during training: the first is noted, its echoes are ignored, a later one goes to the handler of before."""

import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

import pytest

from stages.core import stopping
from stages.core.stopping import noting_signals


class Before(Exception):
    """What the handler of before raises."""


@pytest.fixture
def before() -> Iterator[None]:
    def handle(number: int, frame: FrameType | None) -> None:
        raise Before

    old = signal.signal(signal.SIGTERM, handle)
    yield
    signal.signal(signal.SIGTERM, old)


@pytest.mark.usefixtures("before")
def test_first_signal_is_noted_and_its_echo_ignored() -> None:
    with noting_signals() as sign:
        assert not sign
        os.kill(os.getpid(), signal.SIGTERM)
        assert sign
        os.kill(os.getpid(), signal.SIGINT)
        assert sign.name == "SIGTERM"
    with pytest.raises(Before):
        os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.usefixtures("before")
def test_later_signal_is_for_those_who_will_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [10.0]
    monkeypatch.setattr(stopping.time, "monotonic", lambda: now[0])
    with noting_signals() as sign:
        os.kill(os.getpid(), signal.SIGTERM)
        assert sign
        now[0] = 12.5
        with pytest.raises(Before):
            os.kill(os.getpid(), signal.SIGTERM)


def test_outside_the_main_thread_nothing_is_noted() -> None:
    seen = []

    def work() -> None:
        with noting_signals() as sign:
            seen.append(bool(sign))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]
