"""The readers under a coverage-guided fuzzer: `python -m tests.fuzz.guided [--seconds 20] [--only NAME]`.

Each reader runs in a process of its own, in which what our own code does is traced. A crash, a hang of ten seconds,
more than 2 GiB of memory or a wrong accept ends it, and leaves the input in the folder `--findings`.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

_HANG_S: Final = 10
_MEMORY_MB: Final = 2048


def main() -> int:
    """Fuzz one reader after the other; the exit code is 1 where any of them failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=20, help="for each reader")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="one reader")
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"))
    options = parser.parse_args()
    from tests.fuzz.seeds import SEEDS

    failed = [
        name
        for name in ([options.only] if options.only else SEEDS)
        if not _holds(name, options.seconds, options.seed, options.findings)
    ]
    _say(f"{len(failed)} of {len(SEEDS)} readers failed{': ' if failed else ''}{', '.join(failed)}")
    return 1 if failed else 0


def _holds(name: str, seconds: int, seed: int, findings: Path) -> bool:
    """Fuzz one reader; True where nothing was found."""
    from tests.fuzz.seeds import SEEDS

    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus")
        corpus.mkdir()
        for number, data in enumerate(SEEDS[name]):
            (corpus / str(number)).write_bytes(data)
        findings.mkdir(parents=True, exist_ok=True)
        limits = [f"-max_total_time={seconds}", f"-timeout={_HANG_S}", f"-rss_limit_mb={_MEMORY_MB}", f"-seed={seed}"]
        limits += ["-max_len=4096", f"-artifact_prefix={findings}/{name}-", "-print_final_stats=1", str(corpus)]
        command = [sys.executable, "-m", "tests.fuzz.guided", name, *limits]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    runs = next((line.split()[-1] for line in done.stderr.splitlines() if "number_of_executed_units" in line), "?")
    _say(f"{name}: {runs} inputs in {seconds} s, {'nothing found' if done.returncode == 0 else 'FAILED'}")
    if done.returncode:
        _say(done.stderr[-4000:])
    return done.returncode == 0


def _fuzz(name: str, arguments: list[str]) -> None:
    """The life of one reader's process."""
    import atheris

    with atheris.instrument_imports(include=["stages", "rlbff_cli"]):
        from tests.fuzz.files import FILES
        from tests.fuzz.replies import REPLIES
    target = (FILES | REPLIES)[name]
    atheris.Setup([sys.argv[0], *arguments], target)
    atheris.Fuzz()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        _fuzz(sys.argv[1], sys.argv[2:])
    else:
        sys.exit(main())
