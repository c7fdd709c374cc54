"""The entailment template: how a conversation, a response and a principle become one chat that asks for Yes or No.

What decides the text is pinned here and stored with a reward model. How it is tokenised and cut is in encoding.py.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import cache
from typing import Any, Final

from jinja2 import TemplateError

from stages.core.chat import Message
from stages.core.errors import ConfigError, DataError
from stages.models.answer_tokens import YES, AnswerTokens, find_answer_tokens

INSTRUCTION: Final = (
    "The last message names a principle. Answer Yes if the assistant's last response satisfies it, and No if it "
    "does not. Answer with that one word."
)
PINNED_DATE: Final = "2024-07-26"

_SAMPLES: Final[tuple[tuple[tuple[Message, ...], str, str], ...]] = (
    ((Message("user", "What is 2 + 2?"),), "4", "correctness"),
    (
        (
            Message("system", "Be brief."),
            Message("user", "Hi!"),
            Message("assistant", "Hello."),
            Message("user", "Écris\n\n  ceci  "),
        ),
        "",
        "clarté de la réponse",
    ),
)
"""Chats whose tokens are stored, to recognise a tokenizer that renders otherwise."""


@dataclass(frozen=True, kw_only=True)
class EntailmentTemplate:
    """Everything that decides the tokens of a pair, beside the tokenizer.

    All constant words stand before the response, in the system turn, so that after it come only the role header, the
    principle and the generation cue: each token there costs once a principle, each one before it once a response.
    `system_turn` says whether the chat template has a system turn; if not, its words open the first user turn. `day`
    is the date that a template is told which asks for today's (YYYY-MM-DD). `samples` are the tokens of fixed chats.
    """

    name: str
    instruction: str
    day: str
    system_turn: bool
    answers: AnswerTokens
    special_ids: tuple[int, ...]
    samples: tuple[tuple[int, ...], ...]

    def render(self, tokenizer: Any, messages: Sequence[Message], response: str, principle: str) -> str:  # noqa: ANN401
        """Return the chat as text, up to where Yes or No comes. Raises DataError if the chat template refuses it.

        What a chat template does to texts happens here too: most trim them, some leave out the reasoning of earlier
        assistant turns.
        """
        chat = self._chat(messages, response, principle)
        return _asked(tokenizer, chat, self.day) + self.answers.lead

    def check(self, tokenizer: Any) -> None:  # noqa: ANN401
        """Raise ConfigError if `tokenizer` writes the stored sample chats in other tokens."""
        found = make_template(tokenizer)
        if replace(found, name=self.name, instruction=self.instruction, day=self.day, samples=()) != replace(
            self, samples=()
        ):
            problem = "has other Yes, No or special tokens"
        elif self._sample_ids(tokenizer) != self.samples:
            problem = "renders the entailment template in other tokens"
        else:
            return
        raise ConfigError(
            f"The tokenizer of {tokenizer.name_or_path} {problem} than the one that the reward model was trained with; "
            "use the tokenizer stored with the model."
        )

    def to_json(self) -> str:
        """Return the template as JSON for a checkpoint; `from_json` reads it."""
        return json.dumps({**asdict(self), "answers": self.answers._asdict()}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "EntailmentTemplate":
        """Return the template that `to_json` wrote. Raises DataError for any other text."""
        try:
            fields = json.loads(text)
            return cls(
                **fields
                | {
                    "answers": AnswerTokens(**fields["answers"]),
                    "special_ids": tuple(fields["special_ids"]),
                    "samples": tuple(tuple(ids) for ids in fields["samples"]),
                }
            )
        except (ValueError, TypeError, KeyError) as problem:
            raise DataError(
                f"This is not a stored entailment template ({problem}); use a folder written by train-rm."
            ) from problem

    def _chat(self, messages: Sequence[Message], response: str, principle: str) -> list[Message]:
        system = messages[0].content if messages and messages[0].role == "system" else None
        turns = list(messages if system is None else messages[1:])
        opening = self.instruction if system is None else f"{self.instruction}\n\n{system}"
        if self.system_turn:
            turns.insert(0, Message("system", opening))
        elif turns and turns[0].role == "user":
            turns[0] = Message("user", f"{opening}\n\n{turns[0].content}")
        else:
            turns.insert(0, Message("user", opening))
        return [*turns, Message("assistant", response), Message("user", principle)]

    def _sample_ids(self, tokenizer: Any) -> tuple[tuple[int, ...], ...]:  # noqa: ANN401
        texts = [self.render(tokenizer, *sample) for sample in _SAMPLES]
        return tuple(tuple(ids) for ids in tokenizer(texts, add_special_tokens=False)["input_ids"])


def make_template(tokenizer: Any) -> EntailmentTemplate:  # noqa: ANN401
    """Return the template `rlbff` for a tokenizer.

    Raises ConfigError for a tokenizer without a chat template or without single distinct tokens for Yes and No, and
    DataError for a chat template that cannot write a plain chat.
    """
    if getattr(tokenizer, "chat_template", None) is None:
        raise ConfigError(
            f"The tokenizer of {tokenizer.name_or_path} has no chat template, which an entailment model needs; use an "
            "instruction-tuned model, or put a chat_template.jinja into its folder."
        )
    draft = EntailmentTemplate(
        name="rlbff",
        instruction=INSTRUCTION,
        day=PINNED_DATE,
        system_turn=_takes_system_turn(tokenizer),
        answers=AnswerTokens(yes=-1, no=-1, lead="", space=""),
        special_ids=tuple(sorted(tokenizer.all_special_ids)),
        samples=(),
    )
    chat = draft._chat(*_SAMPLES[0])
    answered = None
    with suppress(TemplateError):
        answered = _rendered(
            tokenizer, [*chat, Message("assistant", YES)], PINNED_DATE, cue=False, enable_thinking=False
        )
    answers = find_answer_tokens(tokenizer, _asked(tokenizer, chat, PINNED_DATE), answered)
    template = replace(draft, answers=answers)
    return replace(template, samples=template._sample_ids(tokenizer))


def render_chat(tokenizer: Any, chat: Sequence[Message], *, cue: bool = False) -> str:  # noqa: ANN401
    """Return a chat as text by the chat template's own defaults, at a pinned date.

    With `cue` it ends where the assistant's next turn begins. Raises DataError if the chat template refuses it.
    """
    with _told_plainly(tokenizer, chat):
        return _rendered(tokenizer, chat, PINNED_DATE, cue=cue)


def _takes_system_turn(tokenizer: Any) -> bool:  # noqa: ANN401
    """Whether a system turn is written; some templates refuse one and some leave it out in silence."""
    chat = [Message("system", INSTRUCTION), Message("user", "Hi"), Message("assistant", "Hi"), Message("user", "Hi")]
    with suppress(TemplateError):
        return INSTRUCTION in _rendered(tokenizer, chat, PINNED_DATE, cue=True, enable_thinking=False)
    return False


def _asked(tokenizer: Any, chat: Sequence[Message], day: str) -> str:  # noqa: ANN401
    with _told_plainly(tokenizer, chat):
        return _rendered(tokenizer, chat, day, cue=True, enable_thinking=False)


@contextmanager
def _told_plainly(tokenizer: Any, chat: Sequence[Message]) -> Iterator[None]:  # noqa: ANN401
    try:
        yield
    except TemplateError as problem:
        words = " ".join(str(problem).split())[:300]
        roles = ", ".join(message.role for message in chat)
        raise DataError(
            f"The chat template of {tokenizer.name_or_path} cannot write the turns {roles}: {words}"
        ) from problem


def _rendered(
    tokenizer: Any,  # noqa: ANN401
    chat: Sequence[Message],
    day: str,
    *,
    cue: bool,
    **switches: bool,
) -> str:
    text: str = tokenizer.apply_chat_template(
        [{"role": message.role, "content": message.content} for message in chat],
        chat_template=_clock(day) + tokenizer.get_chat_template(),
        tokenize=False,
        add_generation_prompt=cue,
        **switches,
    )
    return text


@cache
def _clock(day: str) -> str:
    """A macro that hides the clock which transformers offers to templates, so that a rendered text has no today."""
    write: Callable[[str], str] = date.fromisoformat(day).strftime
    steps = "".join(f" | replace('%{letter}', '{write('%' + letter)}')" for letter in "aAbBdejmyYHIMSp")
    return "{% macro strftime_now(format) %}{{ format" + steps + " }}{% endmacro +%}"
