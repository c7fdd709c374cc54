"""A sandbox with short limits that the tests of this room share: opening one takes a second."""

from collections.abc import Iterator

import pytest

from stages.verify_code.verifier import SandboxVerifier
from tests.verify_code.clamping import quick_verifier


@pytest.fixture(scope="session")
def verifier() -> Iterator[SandboxVerifier]:
    with quick_verifier() as opened:
        yield opened
