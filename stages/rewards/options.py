"""Options of everything that opens a reward model: how it judges, in which precision, and what a server may cost.

Which model it is belongs to the stage. Imports nothing heavy.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from stages.core.errors import ConfigError
from stages.core.options import OPERATIONAL, LlmOptions, check_range


@dataclass(frozen=True, kw_only=True)
class RewardOptions:
    """How a reward model is asked."""

    generative: Annotated[bool, "The model reasons, then writes Final Judgement: Yes or No; any chat model can."] = (
        False
    )
    votes: Annotated[int, "Judgements drawn for each response and principle; their log-odds are averaged."] = 1
    temperature: Annotated[float, "Sampling temperature of the reasoning; several votes need one above 0."] = 0.0
    max_reply_tokens: Annotated[int, "Longest reasoning with its judgement, in tokens."] = 2048
    principle_role: Annotated[str, "Role of the message that holds the principle for a generative model."] = "user"
    max_length: Annotated[int, "Most tokens of one pair; longer conversations are cut, principles never."] = 4096
    precision: Annotated[
        Literal["auto", "bf16", "fp32"], "Of a model in this process. auto: bf16 where it is fast."
    ] = "auto"
    device: Annotated[str | None, "cpu or cuda; default: cuda where there is one.", OPERATIONAL] = None
    row_tokens: Annotated[int, "Tokens of one forward pass.", OPERATIONAL] = 4096
    rm_model: Annotated[str | None, "Model name at the URL; default: the only one the server lists.", OPERATIONAL] = (
        None
    )
    concurrency: Annotated[int, "Calls to a server under way at once.", OPERATIONAL] = 32
    timeout: Annotated[float, "Seconds to wait for one answer.", OPERATIONAL] = 120.0
    max_retries: Annotated[int, "Further tries after 429, 5xx or a timeout.", OPERATIONAL] = 6
    max_cost: Annotated[float | None, "Stop (exit 75) when the calls cost this much, in USD.", OPERATIONAL] = None
    max_tokens: Annotated[int | None, "Stop (exit 75) after this many tokens in and out.", OPERATIONAL] = None
    price_in: Annotated[float | None, "USD per million prompt tokens.", OPERATIONAL] = None
    price_out: Annotated[float | None, "USD per million answer tokens.", OPERATIONAL] = None

    def __post_init__(self) -> None:
        check_range("votes", self.votes, 1, 1024)
        check_range("max_length", self.max_length, 1)
        check_range("row_tokens", self.row_tokens, 1)
        self.llm("http://unused")
        if self.votes > 1 and not self.generative:
            raise ConfigError("--votes has a meaning with --generative only; other models always judge alike.")
        if self.votes > 1 and self.temperature == 0:
            raise ConfigError("--votes above 1 needs --temperature above 0; without it all votes are the same.")

    def llm(self, url: str) -> LlmOptions:
        """The options of a client for the server at `url`."""
        return LlmOptions(
            llm=url,
            llm_model=self.rm_model,
            temperature=self.temperature,
            max_reply_tokens=self.max_reply_tokens,
            concurrency=self.concurrency,
            timeout=self.timeout,
            max_retries=self.max_retries,
            max_cost=self.max_cost,
            max_tokens=self.max_tokens,
            price_in=self.price_in,
            price_out=self.price_out,
        )
