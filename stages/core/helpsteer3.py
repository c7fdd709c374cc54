"""Principles in the layout of HelpSteer3's `principle` subset, for those who have programs that read it.

What comes in in that layout is read by the stage that wants it.
"""

from typing import Any, Final

import pyarrow as pa

from stages.core.tables import CHAT

SCHEMA: Final = pa.schema(
    [
        pa.field("domain", pa.string()),
        pa.field("language", pa.string()),
        pa.field("context", CHAT),
        pa.field("response", pa.string()),
        pa.field("principle", pa.string()),
        pa.field("fulfilment", pa.string()),
    ]
)
NEEDS: Final = ("domain", "language", "prompt", "completion", "principle", "label")
"""Columns of the principles table that the layout is made from."""


def to_helpsteer3(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same principles as context, response (text) and fulfilment (Yes or No)."""
    return pa.RecordBatch.from_pylist([_row(row) for row in batch.to_pylist()], schema=SCHEMA)


def _row(row: dict[str, Any]) -> dict[str, Any]:
    completion = row["completion"]
    return {
        "domain": row["domain"],
        "language": row["language"],
        "context": row["prompt"],
        "response": "\n\n".join(message["content"] for message in completion) if completion else None,
        "principle": row["principle"],
        "fulfilment": "Yes" if row["label"] else "No",
    }
