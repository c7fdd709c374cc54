"""Every schema that travels between stages, once, with each column documented.

Those of policies and of programs have files of their own, and are listed here. A column is what a stage writes or asks
for; other columns of the input pass through beside it. `docs/tables.md` is generated from this file. Nothing here reads
or writes a file.
"""

from typing import Final

import pyarrow as pa

from stages.core.policy_tables import PROMPTS, ROLLOUTS
from stages.core.program_tables import TESTS as TESTS
from stages.core.program_tables import TIMINGS as TIMINGS
from stages.core.program_tables import VERDICTS as VERDICTS
from stages.core.table import CHAT as CHAT
from stages.core.table import Column as Column
from stages.core.table import Table as Table

EVIDENCE: Final = pa.list_(
    pa.struct(
        [
            pa.field("annotator", pa.int32()),
            pa.field("quote", pa.string()),
            pa.field("start", pa.int32()),
            pa.field("end", pa.int32()),
            pa.field("match", pa.float32()),
            pa.field("verdict", pa.string()),
        ]
    )
)
"""Where annotators say it: one entry a mention, `quote` being the feedback's own text [start:end] in characters."""


FEEDBACK: Final = Table(
    "feedback",
    (
        Column("id", pa.string(), "Name of the row; sha256 of the canonical row where the input has none."),
        Column("prompt", CHAT, "The conversation up to the response; plain text is read as one user message."),
        Column("completion", CHAT, "The response that was judged; plain text is read as one assistant message."),
        Column("feedback", pa.list_(pa.string()), "What annotators wrote, one text each.", required=True),
        Column("domain", pa.string(), "Such as general, code, stem, multilingual."),
        Column("language", pa.string(), "Human or programming language."),
    ),
    "Natural-language feedback on responses.",
)

PRINCIPLES: Final = Table(
    "principles",
    (
        Column("id", pa.string(), "Row of the feedback table that the principle was found in."),
        Column("prompt", CHAT, "The conversation up to the response."),
        Column("completion", CHAT, "The response that was judged."),
        Column("principle", pa.string(), "A quality, as a short noun phrase without polarity.", required=True),
        Column("label", pa.bool_(), "Whether the response fulfils the principle.", required=True),
        Column("evidence", EVIDENCE, "The annotators' words behind the label, verbatim, with character offsets."),
        Column("agreement", pa.float32(), "Share of the matched mentions that say yes, between 0 and 1."),
        Column("domain", pa.string(), "Copied from the feedback."),
        Column("language", pa.string(), "Copied from the feedback."),
        Column("extractor", pa.string(), "What read the feedback, such as `rules@1` or a model's name."),
    ),
    "Yes/no principles with their evidence.",
    "TRL (unpaired), datasets",
)

DROPPED_PRINCIPLES: Final = Table(
    "dropped principles",
    (
        Column("id", pa.string(), "Row of the feedback table."),
        Column("annotator", pa.int32(), "Index of the annotator's text within the row; -1 where it was not kept."),
        Column("principle", pa.string(), "The principle, normalised."),
        Column("wording", pa.string(), "The principle as the extractor worded it."),
        Column("verdict", pa.string(), "yes, no or partially."),
        Column("quote", pa.string(), "The evidence; the feedback's own text where it was found there."),
        Column("start", pa.int32(), "First character of the quote in the feedback, -1 if it was not found."),
        Column("end", pa.int32(), "Character after the quote, -1 if it was not found."),
        Column("match", pa.float32(), "How well the evidence matches the feedback, 0 to 100."),
        Column(
            "dropped_by",
            pa.string(),
            "evidence, artefact, partially, contradiction, consensus, single_annotator or taxonomy.",
        ),
        Column("score", pa.float32(), "The number that the rule compared: match or cosine; null if it has none."),
        Column("domain", pa.string(), "Copied from the feedback."),
        Column("language", pa.string(), "Copied from the feedback."),
        Column("extractor", pa.string(), "What read the feedback."),
    ),
    "Principles that a filter took out, kept under `.rlbff/dropped/`.",
)

REJECTED: Final = Table(
    "rejected rows",
    (
        Column("file", pa.string(), "Input file the row stands in."),
        Column("row", pa.int64(), "Row or line in that file, counted from 1."),
        Column("id", pa.string(), "The row's id, if it was readable."),
        Column("reason", pa.string(), "A short name to count by, such as `bad_json` or `no_feedback`."),
        Column("field", pa.string(), "The column at fault, if one is."),
        Column("error", pa.string(), "One sentence with the remedy."),
        Column("raw", pa.binary(), "The row's own bytes."),
    ),
    "Input rows that could not be processed, kept under `.rlbff/rejected/`.",
)

SCORES: Final = Table(
    "scores",
    (
        Column("id", pa.string(), "Row of the input that was scored."),
        Column("prompt", CHAT, "The conversation up to the response."),
        Column("completion", CHAT, "The response that was scored."),
        Column("principle", pa.string(), "The principle that the score is about; null where the model knows none."),
        Column("score", pa.float32(), "Log-odds of Yes over No, as the model gives them.", required=True),
        Column("p_yes", pa.float32(), "Calibrated probability of Yes; null where the model is not calibrated."),
        Column("rm", pa.string(), "The reward model."),
    ),
    "What a reward model thinks of responses, one row a response and principle.",
)

PREFERENCES: Final = Table(
    "preferences",
    (
        Column("id", pa.string(), "Row of the input that the better response stood in."),
        Column("prompt", CHAT, "The conversation up to the responses."),
        Column("chosen", CHAT, "The better response.", required=True),
        Column("rejected", CHAT, "The worse response.", required=True),
        Column("principle", pa.string(), "The principle by which it is better; null where several or none were used."),
        Column("score_chosen", pa.float32(), "The better response's score."),
        Column("score_rejected", pa.float32(), "The worse response's score."),
        Column("margin", pa.float32(), "By how much the better response wins: the difference of the scores."),
    ),
    "Pairs of responses to one prompt, the better one first.",
    "TRL (reward, DPO)",
)

COTS: Final = Table(
    "cots",
    (
        Column("id", pa.string(), "Name of the row; sha256 of the canonical row where the input has none."),
        Column("question_id", pa.string(), "The question that it answers; a hash of the prompt where none is given."),
        Column("prompt", CHAT, "The question; plain text is read as one user message."),
        Column("completion", CHAT, "The chain of thought with its answer; plain text is one assistant message."),
        Column("correct", pa.bool_(), "Whether the answer is right, where that is known."),
        Column("patterns", pa.list_(pa.string()), "Names of reasoning patterns in their order."),
        Column("entropy", pa.list_(pa.float16()), "Entropy of each token of the completion, in nats."),
    ),
    "Chains of thought with their chains of patterns and of entropies.",
    "TRL (SFT), datasets",
)

SPANS: Final = pa.list_(pa.struct([pa.field("start", pa.int32()), pa.field("end", pa.int32())]))
"""Where each pattern stands: characters [start:end] of the completion's text."""

SELECTED: Final = Table(
    "selected",
    (
        *COTS.columns,
        Column("core_id", pa.string(), "The core row it was selected for; null in arms that know none."),
        Column("rank", pa.int32(), "Its place among the rows of that core row, from 1, by distance."),
        Column("distance", pa.float64(), "The combined distance to the core row, scaled, with utility if any."),
        Column("d_pattern", pa.float32(), "Weighted DTW distance of the pattern chains, in [0, max(1, m/n)]."),
        Column("d_entropy", pa.float32(), "DTW distance of the entropy chains, in nats a bin."),
        Column("arm", pa.string(), "What selected it: assign, knn, greedy, random ..."),
        Column("pattern_spans", SPANS, "Where each pattern stands in the completion; null for patterns of the input."),
        Column("annotator", pa.string(), "Where the patterns come from: column, rules@1, or the model's name."),
        Column("entropy_model", pa.string(), "The model that entropies are of, with revision and dtype; or column."),
        Column("num_tokens", pa.int32(), "Length of the completion in tokens: of the entropy chain, else words."),
    ),
    "Chains of thought selected for their likeness to a core set.",
    "TRL (SFT), datasets",
)

ARMS: Final = Table(
    "arms",
    (
        Column("arm", pa.string(), "What selected the row: the method, a control arm, a lambda, the utility; or pool."),
        Column("id", pa.string(), "Row of the pool."),
        Column("question_id", pa.string(), "The question that it answers."),
        Column("core_id", pa.string(), "The core row it was selected for, if any."),
        Column("rank", pa.int32(), "Its place among the rows of that core row."),
        Column("distance", pa.float64(), "Its distance there."),
        Column("correct", pa.bool_(), "Whether its answer is right, where known."),
        Column(
            "success_rate",
            pa.float32(),
            "Share of a policy's samples that solve the question, where known.",
        ),
        Column("num_tokens", pa.int32(), "Length of the completion in tokens."),
        Column("chars", pa.int32(), "Length of the completion in characters."),
        Column("patterns", pa.list_(pa.string()), "Its pattern chain."),
    ),
    "The pool and what each arm selects of it, kept under `.rlbff/arms/`; `rlbff eval selection` measures it.",
)

METRICS: Final = Table(
    "metrics",
    (
        Column("stage", pa.string(), "The command that measured."),
        Column("benchmark", pa.string(), "What was measured, such as rm-bench; `training` for figures of a step."),
        Column("step", pa.int64(), "Optimiser step; null for figures of a benchmark."),
        Column("group", pa.string(), "Which rows: all, or those of one domain, category or principle."),
        Column("metric", pa.string(), "The figure's name; with `.against` it is that of the second source of scores."),
        Column("value", pa.float64(), "The figure; shares lie between 0 and 1; null where it is undefined."),
        Column("low", pa.float64(), "Lower end of the 95 % interval; null where there is none."),
        Column("high", pa.float64(), "Upper end of the 95 % interval."),
        Column("n", pa.int64(), "How many units (pairs, prompts, rows) the figure rests on."),
    ),
    "Figures with their intervals, one a row.",
    "DuckDB",
)

DROPPED_ROWS: Final = Table(
    "dropped rows",
    (
        Column("id", pa.string(), "The row's id."),
        Column("dropped_by", pa.string(), "Why nothing rests on the row, such as no_opposite or not_kept."),
    ),
    "Rows that `eval` read but could not use, kept under `.rlbff/dropped/`.",
)

TABLES: Final = (
    FEEDBACK,
    PRINCIPLES,
    DROPPED_PRINCIPLES,
    SCORES,
    PREFERENCES,
    VERDICTS,
    TIMINGS,
    TESTS,
    COTS,
    SELECTED,
    ARMS,
    PROMPTS,
    ROLLOUTS,
    METRICS,
    DROPPED_ROWS,
    REJECTED,
)
