"""Opens what a process of this stage works with: its sandboxes and the judge."""

from collections.abc import Callable
from multiprocessing.util import Finalize

from stages.verify_code.jobs import Settings
from stages.verify_code.judge import Judge, open_judge
from stages.verify_code.verifier import SandboxVerifier


def open_verifier(settings: Settings) -> SandboxVerifier:
    """The sandboxes of this process, which end with it, if not before."""
    verifier = SandboxVerifier(settings.config.sandbox, settings.factor)
    Finalize(verifier, verifier.close, exitpriority=10)
    return verifier


def open_judge_of(settings: Settings, notice: Callable[[str], None]) -> Judge | None:
    """The judge that the options name, if any."""
    return open_judge(settings.config, settings.root, notice)
