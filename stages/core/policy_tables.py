"""The tables of train-policy: what a policy is asked, and what it answered."""

from typing import Final

import pyarrow as pa

from stages.core.table import CHAT, Column, Table

REFERENCE: Final = pa.struct([pa.field("style", pa.string()), pa.field("ground_truth", pa.string())])
"""How a completion is checked, and against what, as verl writes it."""

PARTS: Final = pa.list_(pa.struct([pa.field("name", pa.string()), pa.field("value", pa.float64())]))
"""What each source of rewards gave, before weights."""

PROMPTS: Final = Table(
    "prompts",
    (
        Column("id", pa.string(), "Name of the row; sha256 of the canonical row where the input has none."),
        Column("data_source", pa.string(), "Where the prompt comes from."),
        Column("prompt", CHAT, "The conversation that the policy continues; plain text is one user message.", True),
        Column("ability", pa.string(), "Such as math or code."),
        Column("reward_model", REFERENCE, "`ground_truth`: what `math:` and `code:` check a completion against."),
        Column("extra_info", pa.string(), "Anything else, as JSON; rewards see it, the policy does not."),
        Column(
            "principle", pa.string(), "By what `rm:` and `genrm:` judge; the policy sees it under `genrm:self` alone."
        ),
    ),
    "Prompts for train-policy, one a row.",
    "verl, TRL (GRPO)",
)

ROLLOUTS: Final = Table(
    "rollouts",
    (
        Column("id", pa.string(), "`<prompt_id>-<generation>-<group>-<number>`."),
        Column("step", pa.int32(), "Optimiser steps that the sampling policy had made."),
        Column("generation", pa.int32(), "Number of the rollout batch, from 0."),
        Column("group", pa.int32(), "Number of the group within the generation; one prompt, one group."),
        Column("number", pa.int32(), "Number of the completion within its group, from 0."),
        Column("prompt_id", pa.string(), "Row of the prompts."),
        Column("prompt", CHAT, "The conversation that was continued."),
        Column("completion", CHAT, "What the policy wrote, as one assistant message."),
        Column("principle", pa.string(), "By what the reward judged; part of the prompt under `genrm:self` alone."),
        Column("reward_model", REFERENCE, "What the completion was checked against."),
        Column("prompt_ids", pa.list_(pa.int32()), "Tokens of the prompt."),
        Column("completion_ids", pa.list_(pa.int32()), "Tokens that were drawn, the one that ends it among them."),
        Column("sampling_logprobs", pa.list_(pa.float32()), "Log-probability of each token when it was drawn."),
        Column("old_logprobs", pa.list_(pa.float32()), "The same by the trainer's own forward pass, before updates."),
        Column("finish", pa.string(), "stop where the policy ended it, length where the limit did."),
        Column("reward", pa.float64(), "Weighted sum of the parts, shaped; null where there is none."),
        Column("correct", pa.bool_(), "Whether the reward is the best that its sources give; null where unknown."),
        Column("parts", PARTS, "What each source of rewards gave, and what it said besides, as `genrm.verdict`."),
        Column("status", pa.string(), "ok, no_answer, timeout, error or skipped."),
        Column("detail", pa.string(), "Why there is no reward, in words."),
        Column("advantage", pa.float32(), "Of the completion within its group; null where it is not trained on."),
        Column("mini_batch", pa.int32(), "Number of the update in this generation; null where it is not trained on."),
        Column("dropped_by", pa.string(), "Why it is not trained on: equal_rewards, no_reward, truncated, surplus."),
    ),
    "Completions of a policy with their rewards, written before it is updated on them.",
    "datasets, score, select-cotp",
)
