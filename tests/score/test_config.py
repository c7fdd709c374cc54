from pathlib import Path
from typing import Any

import pytest

from stages.core.errors import ConfigError
from stages.core.options import RunOptions
from stages.rewards.options import RewardOptions
from stages.score.config import ScoreConfig


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"inputs": ()}, "No input"),
        ({"rm": ""}, "--rm is empty"),
        ({"principle": ("a", " ")}, "--principle is empty"),
        ({"principle": ("a", "a")}, "--principle 'a' is given twice"),
        ({"aggregate": "weighted"}, "--aggregate weighted takes principles and weights from --principles-file"),
        ({"aggregate": "weighted", "principle": ("a",), "principles_file": Path("p")}, "--principles-file alone"),
        ({"min_margin": 1.0}, "--min-margin has no meaning without --output pairs"),
        ({"min_margin": -1.0, "output": "pairs"}, "--min-margin is -1; it must be at least 0"),
        ({"run": RunOptions(workers=2), "reward": RewardOptions(generative=True)}, "say --concurrency"),
        ({"run": RunOptions(workers=2), "rm": "HTTP://host/v1"}, "say --concurrency"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ScoreConfig(**{"inputs": ("x",), "rm": "m"} | options)
    assert words in str(caught.value)


def test_a_model_at_a_url_judges_in_words() -> None:
    for rm, options, expected in (
        ("rm", RewardOptions(), False),
        ("http", RewardOptions(), False),
        ("rm", RewardOptions(generative=True), True),
        ("https://host/v1", RewardOptions(), True),
    ):
        assert ScoreConfig(inputs=("x",), rm=rm, reward=options).in_words is expected
