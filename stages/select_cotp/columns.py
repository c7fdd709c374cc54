"""Columns of the chains, which the first pass stores under `.rlbff/chains/` and everything after it reads.

The columns of the output are those of `selected` (core/tables.py) and the input's that pass through.
"""

from typing import Final

import pyarrow as pa

from stages.core.tables import SELECTED, SPANS, Column, Table

CHAINS: Final = Table(
    "chains",
    (
        Column("id", pa.string(), "Row of the pool, or of the core set."),
        Column("row", pa.int64(), "Its row or line in the input file, from 1."),
        Column("question_id", pa.string(), "The question that it answers."),
        Column("type", pa.string(), "The question's type, where the input says one."),
        Column("stratum", pa.string(), "The values of the columns that --match-by names, as JSON."),
        Column("correct", pa.bool_(), "Whether its answer is right, where known."),
        Column("success_rate", pa.float32(), "Share of a policy's samples that solve the question, where known."),
        Column("difficulty", pa.float32(), "As the input says it."),
        Column("num_tokens", pa.int32(), "Tokens of the completion: of its entropy chain, else words."),
        Column("chars", pa.int32(), "Characters of the completion."),
        Column("patterns", pa.list_(pa.string()), "The normalised names of its pattern chain."),
        Column(
            "unnamed", pa.int32(), "Patterns that were left out, since their names were numbering and nothing else."
        ),
        Column("pattern_spans", SPANS, "Where each stands in the completion; null where the input brought the names."),
        Column("annotator", pa.string(), "Where the patterns come from."),
        Column("bins", pa.list_(pa.float32()), "The entropy chain as it is compared: binned, raw, or a value a step."),
        Column("entropy", pa.list_(pa.float16()), "Entropies of the tokens, where they were computed here."),
        Column("entropy_model", pa.string(), "The model that the entropies are of."),
        Column("digest", pa.uint64(), "Hash of the normalised completion: equal ones are duplicates."),
        Column("signature", pa.binary(), "MinHash of the completion's words; null where near duplicates stay."),
        Column("dropped_by", pa.string(), "Why it cannot be selected: no_patterns, bad_entropy, contaminated ..."),
    ),
    "Rows of the pool with all that decides about them.",
)

OURS: Final = tuple(column.name for column in SELECTED.columns)
"""Names that a column of the input may not have in the output."""
