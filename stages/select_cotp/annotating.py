"""Who names the reasoning patterns of chains of thought: the built-in rules, or a language model.

What names are allowed to look like and how they are merged is known in patterns.py.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from stages.core.asking import Advance, Model, untold
from stages.core.chat import CallFailure, Message, Outcome
from stages.core.rows import Problem
from stages.select_cotp.annotate_prompt import (
    LANGUAGE,
    SCHEMA,
    annotate_chat,
    parse_patterns,
    prompt_hash,
    windows,
)
from stages.select_cotp.config import SelectCotpConfig
from stages.select_cotp.local_model import open_model
from stages.select_cotp.markers import ANNOTATOR, Span, annotate, stretches
from stages.select_cotp.steps import Step, split_steps

RULES: Final = "rules"
COLUMN: Final = "column"
"""What is written as annotator, and as model of entropies, where the input brought the chains."""

Annotated = list[Span] | Problem
"""The patterns of a text in order, none for a text without steps; or why it has no chain, which rejects its row."""


class PatternAnnotator(Protocol):
    """Names the patterns of texts; `close` ends connections."""

    name: str
    """What the rows say of it: `rules@1`, or the model's name."""

    identity: Mapping[str, object]
    """What decides the chains, for the fingerprint; can be written as JSON."""

    def annotate(self, texts: Sequence[tuple[str, str]], part: int, advance: Advance = untold) -> list[Annotated]:
        """The patterns of each (problem, completion), in order; `advance` is told of texts finished."""

    def close(self) -> None:
        """End connections."""


class RulesAnnotator:
    """The rules of markers.py; they do not look at the problem."""

    def __init__(self) -> None:
        self.name: str = ANNOTATOR
        self.identity: Mapping[str, object] = {"annotator": ANNOTATOR}

    def annotate(self, texts: Sequence[tuple[str, str]], part: int, advance: Advance = untold) -> list[Annotated]:
        """See PatternAnnotator."""
        found: list[Annotated] = []
        for _, completion in texts:
            found.append(stretches(annotate(completion)))
            advance(1)
        return found

    def close(self) -> None:
        """See PatternAnnotator."""


class ModelAnnotator:
    """A language model: one call for each window of steps, remembered in the part's journal."""

    def __init__(self, model: Model) -> None:
        self.name: str = model.name
        self.identity: Mapping[str, object] = {
            "annotator": model.name,
            "annotator_prompt": prompt_hash(),
            "annotator_language": LANGUAGE,
            "temperature": model.options.temperature,
            "max_reply_tokens": model.options.max_reply_tokens,
        }
        self._model = model

    def annotate(self, texts: Sequence[tuple[str, str]], part: int, advance: Advance = untold) -> list[Annotated]:
        """See PatternAnnotator. Raises EndpointError if the model is unusable, Interrupted if the budget is reached."""
        cut = [_Cut.of(problem, completion) for problem, completion in texts]
        chats = [chat for one in cut for chat in one.chats]
        if not chats:
            advance(len(texts))
            return [[] for _ in texts]
        with self._model.asking(part, "patterns") as asker:
            told = _shared_out(len(texts), len(set(chats)), advance)  # equal ones are one call
            outcomes = iter(asker.ask(chats, SCHEMA, parse_patterns, told))
        return [_joined(one, [next(outcomes) for _ in one.chats], self.name) for one in cut]

    def close(self) -> None:
        """See PatternAnnotator."""
        self._model.close()


def open_annotator(
    config: SelectCotpConfig, root: Path, notice: Callable[[str], None]
) -> RulesAnnotator | ModelAnnotator | None:
    """The annotator that `--patterns` names; None where chains come with the rows. Journals of calls lie under `root`.

    `auto` is the model where there is one, else the rules: whether rows bring chains, the caller knows.

    Raises:
        ConfigError: `--llm` names no back end. EndpointError: the server cannot be reached. InputMissing: there is no
        such model.
    """
    patterns, llm = config.chains.patterns, config.llm.llm
    if patterns == COLUMN:
        return None
    if patterns == RULES or llm in (None, RULES):
        return RulesAnnotator()
    return ModelAnnotator(open_model(config, root, notice))


class _Cut(NamedTuple):
    """A text in steps, the places of the steps of each window, and what is asked about each."""

    steps: list[Step]
    windows: list[range]
    chats: list[tuple[Message, ...]]

    @classmethod
    def of(cls, problem: str, completion: str) -> "_Cut":
        steps = split_steps(completion)
        parts = windows(steps)
        texts = [[completion[steps[n].start : steps[n].end] for n in part] for part in parts]
        return cls(steps, parts, [annotate_chat(problem, shown) for shown in texts])


def _joined(cut: _Cut, outcomes: Sequence[Outcome], model: str) -> Annotated:
    """The patterns of all windows; one that goes on behind the end of a window is one pattern."""
    found: list[Span] = []
    for window, outcome in zip(cut.windows, outcomes, strict=True):
        spans = _spans(cut, window, outcome)
        if isinstance(spans, Problem):
            where = f"steps {window.start + 1} to {window.stop} of {len(cut.steps)}"
            remedy = "name another --llm, or use --patterns rules"
            return spans._replace(error=f"{model} gave no patterns for {where}: {spans.error}; {remedy}.")
        if found and found[-1].name == spans[0].name:
            spans[0] = spans[0]._replace(start=found.pop().start)
        found += spans
    return found


def _spans(cut: _Cut, window: range, outcome: Outcome) -> list[Span] | Problem:
    """The patterns of one window as places in the text."""
    if isinstance(outcome, CallFailure):
        return Problem(outcome.reason, "patterns", outcome.error)
    try:
        named = parse_patterns(outcome.text, len(window))
    except ValueError as error:
        # the check of the call does not know how many steps the window has
        return Problem("bad_answer", "patterns", str(error))
    ends = [one.step - 1 for one in named[1:]] + [len(window)]
    return [
        Span(one.name, cut.steps[window[one.step - 1]].start, cut.steps[window[end - 1]].end)
        for one, end in zip(named, ends, strict=True)
    ]


def _shared_out(num_texts: int, num_calls: int, advance: Advance) -> Advance:
    """Tells of texts as calls finish: their number in proportion, since a text may take several calls or none."""
    finished, told = 0, 0

    def called(calls: int) -> None:
        nonlocal finished, told
        finished += calls
        due = num_texts * finished // num_calls
        advance(due - told)
        told = due

    return called
