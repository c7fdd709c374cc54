"""From a row that says whether a response satisfies a principle to the prompt of a policy that learns to judge.

For genrm:self alone: elsewhere no policy sees a principle. What is asked is in rewards/judge_prompt.py; the label is
the reference, and never part of the prompt.
"""

from typing import Any, Final

from stages.core.row_fields import Unfit, answer_of, label_field, response_field, turns_field
from stages.core.rows import Problem, Row
from stages.models.truncation import Conversation
from stages.rewards.fitting import fit_chat
from stages.rewards.judging import judgement_form
from stages.train_policy.arrays import Prompt
from stages.train_policy.reading import tokenise

NO_PRINCIPLE: Final = "no_principle"
"""The reason of rows without a principle, which stop a run."""

_PRINCIPLES: Final = ("prompt", "completion", "label")
_HELPSTEER3: Final = ("context", "response", "fulfilment")
_CONSUMED: Final = ("id", "principle")


def read_judged(
    row: Row,
    *,
    tokenizer: Any,  # noqa: ANN401 - transformers' tokenizers share no useful type
    principle: str | None,
    role: str,
    limit: int | None,
) -> Prompt | Problem:
    """The prompt that asks for a judgement of a row's response, or what is wrong with the row.

    Rows of the principles table (prompt, completion, principle, label), or of HelpSteer3's `principle` subset (context,
    response, principle, fulfilment). `principle` is that of rows which name none, `role` that of the message that holds
    it, `limit` the most tokens of a prompt: longer conversations are cut, principles never. `reference` is the label.
    """
    is_helpsteer3 = row.get("fulfilment") is not None and row.get("label") is None
    asked, answered, labelled = _HELPSTEER3 if is_helpsteer3 else _PRINCIPLES
    try:
        conversation = answer_of(turns_field(row, asked, "user"), response_field(row, answered), answered)
        own_principle = _principle(row) or principle
        label = label_field(row, labelled)
    except Unfit as error:
        return error.problem
    if own_principle is None:
        return Problem(NO_PRINCIPLE, "principle", "the row names no principle.")
    chat = fit_chat(
        judgement_form(role).prompt,
        Conversation(*conversation),
        own_principle,
        limit=2**31 if limit is None else limit,
        count=lambda messages: len(tokenise(messages, tokenizer)),
        remedy="raise --rm-max-length or --max-prompt-tokens, or lower --max-new-tokens",
    )
    if isinstance(chat, Problem):
        return chat
    extra = {name: value for name, value in row.items() if name not in (asked, answered, *_CONSUMED)}
    ids = tokenise(chat.messages, tokenizer)
    return Prompt(row["id"], chat.messages, ids, reference=label, principle=own_principle, extra=extra)


def _principle(row: Row) -> str | None:
    value = row.get("principle")
    if value is not None and not isinstance(value, str):
        raise Unfit("bad_type", "principle", f"must be a text, this is a {type(value).__name__}.")
    return value if value and value.strip() else None
