"""Options of everything that gives rewards: how long it may take, what a failure counts, and how models are asked.

Which sources there are belongs to the stage. Imports nothing heavy.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from stages.core.errors import ConfigError
from stages.core.options import OPERATIONAL, check_range
from stages.rewards.options import RewardOptions


@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """How rewards are got."""

    reward_seconds: Annotated[float, "Seconds that math:, check: and py: may take for one completion."] = 10.0
    on_timeout: Annotated[str, "What such a completion is worth when time is up: drop, or value:X."] = "drop"
    reward_workers: Annotated[int | None, "Processes for rewards; default: one a core.", OPERATIONAL] = None
    reward_code: Annotated[
        Literal["rate", "weighted", "all"], "code: share of tests passed, weighted, or all or 0."
    ] = "rate"
    level: Annotated[
        Literal["standard", "strict", "weak"],
        "code: layers around programs: standard, strict (with namespaces), or weak (limits only; by name only).",
    ] = "standard"
    allow_demo_rm: Annotated[bool, "Accept a reward model that was made for demos (tiny)."] = False
    py_path: Annotated[Path | None, "Folder in which py: finds its module; default: the working directory."] = None

    def __post_init__(self) -> None:
        check_range("reward_seconds", self.reward_seconds, 0.01, 3600)
        check_range("reward_workers", self.reward_workers, 1, 1024)
        self.timeout_value  # noqa: B018 - raises where it cannot be read

    @property
    def timeout_value(self) -> float | None:
        """What a completion is worth whose scorer missed its deadline; None where it is dropped."""
        if self.on_timeout == "drop":
            return None
        kind, _, text = self.on_timeout.partition(":")
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if kind != "value" or not math.isfinite(value):
            raise ConfigError(f"--on-timeout is {self.on_timeout!r}; write drop, or value: and a number, as value:-1.")
        return value


@dataclass(frozen=True, kw_only=True)
class JudgeOptions:
    """How rm: and genrm: are asked, under names that stand beside those of a policy."""

    rm_votes: Annotated[int, "genrm: judgements drawn for each completion; their log-odds are averaged."] = 1
    rm_temperature: Annotated[float, "genrm: sampling temperature of the reasoning."] = 0.0
    rm_reply_tokens: Annotated[int, "genrm: longest reasoning with its judgement, in tokens."] = 2048
    principle_role: Annotated[str, "genrm: role of the message that holds the principle."] = "user"
    rm_max_length: Annotated[int, "Most tokens of a conversation and principle; longer conversations are cut."] = 4096
    rm_precision: Annotated[Literal["auto", "bf16", "fp32"], "Of a reward model in this process."] = "auto"
    rm_row_tokens: Annotated[int, "Tokens of one forward pass of a reward model.", OPERATIONAL] = 4096
    rm_model: Annotated[str | None, "Model name at the URL; default: the only one the server lists.", OPERATIONAL] = (
        None
    )
    concurrency: Annotated[int, "Calls to a server under way at once.", OPERATIONAL] = 32
    timeout: Annotated[float, "Seconds to wait for one answer of a server.", OPERATIONAL] = 120.0
    max_retries: Annotated[int, "Further tries after 429, 5xx or a timeout.", OPERATIONAL] = 6
    max_cost: Annotated[float | None, "Stop (exit 75) when the calls cost this much, in USD.", OPERATIONAL] = None
    price_in: Annotated[float | None, "USD per million prompt tokens.", OPERATIONAL] = None
    price_out: Annotated[float | None, "USD per million answer tokens.", OPERATIONAL] = None

    def __post_init__(self) -> None:
        self.reward_options(generative=True, device=None)

    def reward_options(self, *, generative: bool, device: str | None) -> RewardOptions:
        """The same as the options of one reward model. Raises ConfigError where they make no sense together."""
        return RewardOptions(
            generative=generative,
            votes=self.rm_votes if generative else 1,
            temperature=self.rm_temperature,
            max_reply_tokens=self.rm_reply_tokens,
            principle_role=self.principle_role,
            max_length=self.rm_max_length,
            precision=self.rm_precision,
            device=device,
            row_tokens=self.rm_row_tokens,
            rm_model=self.rm_model,
            concurrency=self.concurrency,
            timeout=self.timeout,
            max_retries=self.max_retries,
            max_cost=self.max_cost,
            price_in=self.price_in,
            price_out=self.price_out,
        )
