import math
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest

from stages.core.chat import to_chat
from stages.core.errors import ConfigError
from stages.core.options import RunOptions
from stages.select_cotp.bins import check_entropies
from stages.select_cotp.config import ChainOptions, SelectCotpConfig
from stages.select_cotp.entropies import EntropySource, open_entropies
from stages.select_cotp.reading import Cot, read_cot

TEXTS = ("First, I compute 17 * 3 = 51.", "Wait, that is wrong. Let me check it again.", "So the answer is 51.")


def opened(seed: int = 0, **chains: str | int) -> EntropySource | None:
    options = ChainOptions(**chains)  # type: ignore[arg-type]
    config = SelectCotpConfig(inputs=("pool",), core=("core",), chains=options, run=RunOptions(seed=seed))
    return open_entropies(config, TEXTS)


def cot(completion: str) -> Cot:
    found = read_cot({"id": "a", "prompt": to_chat("How much is 17 * 3?"), "completion": completion})
    assert isinstance(found, Cot)
    return found


def test_column_needs_no_source() -> None:
    assert opened() is None


def test_tiny_model_gives_an_entropy_for_each_token() -> None:
    source = opened(entropy_model="tiny", device="cpu")
    assert source is not None
    assert source.name.startswith("tiny@")
    assert source.identity == {
        "model": source.name.split()[0],
        "revision": None,
        "dtype": "float32",
        "temperature": 1.0,
    }
    told: list[int] = []
    found = source.entropies([cot(text) for text in TEXTS], 0, told.append)
    assert sum(told) == len(TEXTS)
    for values in found:
        assert isinstance(values, np.ndarray)
        assert 3 < len(values) < 60
        assert isinstance(check_entropies(values, source.vocabulary), np.ndarray)
        assert values.mean() == pytest.approx(math.log(source.vocabulary), abs=0.5)


def test_parts_do_not_matter_and_seeds_do() -> None:
    rows = [cot(text) for text in TEXTS]
    one, other, seeded = (opened(seed, entropy_model="tiny", device="cpu") for seed in (0, 0, 1))
    assert one is not None
    assert other is not None
    assert seeded is not None
    first, second = one.entropies(rows, 0, lambda rows: None), other.entropies(rows, 7, lambda rows: None)
    assert [np.asarray(values).tobytes() for values in first] == [np.asarray(values).tobytes() for values in second]
    assert one.name == other.name
    assert one.name != seeded.name


def test_revision_without_a_hub_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match="--revision is about models on the hub"):
        opened(entropy_model="tiny", revision="main")


WITHOUT_TORCH = """
import sys
from stages.select_cotp import bins, entropies
from stages.select_cotp.config import SelectCotpConfig
config = SelectCotpConfig(inputs=("pool",), core=("core",))
assert entropies.open_entropies(config, ()) is None
print(sorted({"torch", "transformers", "tslearn", "numba"} & set(sys.modules)))
"""


def test_entropies_of_a_column_import_no_torch(run_python: Callable[..., CompletedProcess[str]], root: Path) -> None:
    done = run_python("-c", WITHOUT_TORCH, PYTHONPATH=str(root))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"
