"""Options of eval for what it asks itself: a judge of responses, and a policy that is sampled.

How servers are asked (concurrency, budget, retries) and how long a judge may reason is said by RewardOptions.
Imports nothing heavy.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from stages.core.errors import ConfigError
from stages.core.options import OPERATIONAL, check_range

URLS: Final = ("http://", "https://")


@dataclass(frozen=True, kw_only=True)
class JudgeOptions:
    """The judge of pairwise and rubric."""

    llm: Annotated[
        str | None, "The judge: an OpenAI-compatible URL, or local:MODEL; default: verdicts in the rows.", OPERATIONAL
    ] = None
    llm_model: Annotated[
        str | None, "The judge's name at the URL; default: the only one the server lists.", OPERATIONAL
    ] = None

    def __post_init__(self) -> None:
        if self.llm is None and self.llm_model is not None:
            raise ConfigError("--llm-model names the judge at a server; name the server with --llm URL.")
        if self.llm is not None and not (
            self.llm.startswith(URLS) or self.llm.removeprefix("local:") not in ("", self.llm)
        ):
            raise ConfigError(f"--llm is {self.llm!r}; write a URL (http://host:8000/v1) or local:MODEL.")


@dataclass(frozen=True, kw_only=True)
class PolicyOptions:
    """The policy of avg-at-k, and how its completions are drawn and checked."""

    policy: Annotated[
        str | None,
        "Sample this model on prompts: folder, hub id, or an OpenAI-compatible URL; default: rows are completions.",
        OPERATIONAL,
    ] = None
    policy_model: Annotated[
        str | None, "The policy's name at the URL; default: the only one the server lists.", OPERATIONAL
    ] = None
    reward: Annotated[
        tuple[str, ...], "What says whether a completion is right: math:, code:, check: ...; repeatable."
    ] = ()
    samples: Annotated[int, "Completions of each prompt."] = 8
    policy_temperature: Annotated[float, "Sampling temperature of the policy."] = 0.6
    top_p: Annotated[float, "Draw from the most probable tokens that make up this share."] = 0.95
    max_new_tokens: Annotated[int, "Longest completion in tokens."] = 1024

    def __post_init__(self) -> None:
        check_range("samples", self.samples, 1, 100_000)
        check_range("policy_temperature", self.policy_temperature, 0, 2)
        check_range("max_new_tokens", self.max_new_tokens, 1)
        if not 0 < self.top_p <= 1:
            raise ConfigError(f"--top-p is {self.top_p:g}; it must be above 0 and at most 1.")
        if self.policy is not None and not self.reward:
            raise ConfigError(
                "--policy needs --reward, which says whether a completion is right, such as --reward math:"
            )
        if self.policy is None and self.reward:
            raise ConfigError("--reward checks what --policy writes; name a policy, or give rows that say `correct`.")
        if self.policy is None and self.policy_model is not None:
            raise ConfigError("--policy-model names the policy at a server; name the server with --policy URL.")
        if self.policy == "":
            raise ConfigError("--policy is empty; name a folder, a hub id or a URL.")
        if self.policy is not None and self.policy_temperature == 0 and self.samples > 1:
            raise ConfigError("--policy-temperature 0 makes all samples alike; raise it, or take --samples 1.")
