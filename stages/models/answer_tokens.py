"""Which two tokens mean Yes and No after a rendered chat. They are derived from the tokenizer, never written down.

How a chat is rendered is in template.py; what becomes of the two tokens' logits is in log_odds.py.
"""

from typing import Any, Final, NamedTuple

from stages.core.errors import ConfigError

YES: Final = "Yes"
NO: Final = "No"
_CLOSED_THOUGHT: Final = "\n</think>\n\n"


class AnswerTokens(NamedTuple):
    """The first token to be generated, for either answer.

    `lead` is what a chat needs between its generation cue and the answer (a reasoning block to be closed, the name of
    a channel), mostly nothing; it is part of every rendered pair. `space` is "" or " " and belongs to the answers.
    """

    yes: int
    no: int
    lead: str
    space: str


def find_answer_tokens(tokenizer: Any, asked: str, answered: str | None) -> AnswerTokens:  # noqa: ANN401
    """Return the tokens of Yes and No after `asked`, a chat rendered up to its generation cue.

    `answered` is the same chat with the answer Yes as its last turn, None where the template cannot write one. Raises
    ConfigError if the two answers are not two distinct single tokens that follow the tokens of the chat.
    """
    lead = _lead(asked, answered)
    trimmed = lead.rstrip(" ")
    for constant, space in ((lead, ""), (trimmed, " ")) if trimmed != lead else ((lead, ""),):
        yes = _only_token(tokenizer, asked + constant, space + YES)
        no = _only_token(tokenizer, asked + constant, space + NO)
        if yes is not None and no is not None and yes != no:
            return AnswerTokens(yes, no, constant, space)
    raise ConfigError(
        f"The tokenizer of {tokenizer.name_or_path} does not write {YES} and {NO} as two distinct single tokens after "
        "its chat template; an entailment model needs a tokenizer that does."
    )


def _lead(asked: str, answered: str | None) -> str:
    if answered is not None and answered.startswith(asked) and YES in answered[len(asked) :]:
        return answered[len(asked) : answered.index(YES, len(asked))]
    return _CLOSED_THOUGHT if asked.rstrip().endswith("<think>") else ""


def _only_token(tokenizer: Any, text: str, answer: str) -> int | None:  # noqa: ANN401
    """The token that `answer` adds to the tokens of `text`, None if it adds more, or changes those before it."""
    before, after = tokenizer([text, text + answer], add_special_tokens=False, verbose=False)["input_ids"]
    return int(after[-1]) if len(after) == len(before) + 1 and after[:-1] == before else None
