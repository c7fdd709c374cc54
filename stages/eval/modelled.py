"""A reward model as a source of scores: principles are chosen if that is wanted, it is asked about all rows, once each.

Afterwards its scores are looked up like those of a table.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from stages.core.errors import ConfigError
from stages.core.journal import Journal
from stages.core.options import identity
from stages.core.progress import Progress
from stages.eval.asking import Opinions
from stages.eval.benchmarks import Benchmark
from stages.eval.choosing import HeldOut, choose_on
from stages.eval.config import EvalConfig
from stages.eval.interview import ByPrinciple, Interview
from stages.eval.interviewer import Interviewer, Rows
from stages.eval.measured import Figure
from stages.eval.principles import DEFAULT, Principles
from stages.eval.probed_rows import Probing
from stages.eval.probes import Shuffle
from stages.rewards.model import Judgement, RewardModel

_NONE: Final = Principles({DEFAULT: ("",)}, "none: the model reads no principles")


class Modelled:
    """One reward model, not open yet, and what it is asked: by `principles`, or by the best of them on `held_out`.

    `journal` is the file that its answers are kept in; `noticed` is what it said about itself after it was asked.
    """

    def __init__(
        self,
        name: str,
        open_model: Callable[[], RewardModel],
        *,
        wording: str | None,
        journal: Path,
        benchmark: Benchmark,
        config: EvalConfig,
        principles: Principles,
        held_out: HeldOut | None,
    ) -> None:
        self.name: Final = name
        self.wording: Final = wording
        self._open_model = open_model
        self._journal = journal
        self._benchmark = benchmark
        self._config = config
        self._principles = principles
        self._held_out = held_out
        self._asked: tuple[Interview, Opinions] | None = None
        self._counts = Counter[str]()
        self.noticed: Mapping[str, object] = {}

    def prepare(self, rows: Rows, total: int, progress: Progress) -> list[Figure]:
        """Ask the model everything about the rows; the figures are those of the choice of principles, if there is one.

        The model is open only as long as it is asked.

        Raises:
            DataError: rows to choose on are among those to measure, or a domain has no principle.
            ConfigError: the model cannot answer what the benchmark asks.
        """
        with closing(self._open_model()) as model, Journal(self._journal) as journal:
            reads = model.reads_principles
            if self._config.benchmark == "sensitivity" and not reads:
                raise ConfigError(f"sensitivity asks how a model reads principles, but {self.name} reads none.")
            about = {
                "model": self.name,
                "wording": self.wording,
                "seed": self._config.run.seed,
                **identity(self._config.reward),
            }
            opinions = Opinions(journal, about, by_principle=reads)
            interviewer = Interviewer(model, opinions, self._benchmark)
            figures = self._settle(interviewer, rows, progress) if reads else self._ignore(progress)
            interview = self._interview(interviewer, rows)
            interviewer.hold(rows, lambda item: [interview], total, f"asking {self.name}", progress)
            opinions.close()
            self.noticed = model.facts()
        self._asked = (interview, opinions)
        return figures

    def score(self, item: Any) -> Any:  # noqa: ANN401 - an item of the benchmark
        """The item with what the model said. Raises Unfit where it had a problem."""
        assert self._asked is not None, "prepare comes first"
        interview, said = self._asked
        opinions = [said.find(ask) for ask in interview.asks(item)]
        judgements = [one for one in opinions if isinstance(one, Judgement)]
        self._counts["judgements"] += len(judgements)
        self._counts["calibrated"] += sum(one.p_yes is not None for one in judgements)
        self._counts["truncated"] += sum(one.truncated for one in judgements)
        return interview.judged(item, opinions)

    def facts(self) -> dict[str, object]:
        """What the scores rest on, for the manifest."""
        by_domain = {} if self._principles is _NONE else self._principles.by_domain
        return {
            "name": self.name,
            "principles": {domain: list(texts) for domain, texts in by_domain.items()},
            "principles_from": self._principles.origin,
            **{name: self._counts[name] for name in ("judgements", "calibrated", "truncated")},
        }

    def remarks(self) -> Iterator[str]:
        """What may be wrong with the scores."""
        total, calibrated, truncated = (self._counts[name] for name in ("judgements", "calibrated", "truncated"))
        if truncated:
            yield f"{self.name} saw only a part of the conversation in {truncated:,} of {total:,} judgements."
        if self._principles.several and calibrated < total:
            yield (
                f"{self.name} is not calibrated: the mean of its raw log-odds gives most weight to the principle under "
                "which they spread most."
            )

    def _settle(self, interviewer: Interviewer, rows: Rows, progress: Progress) -> list[Figure]:
        """Choose principles where that is wanted, and say which are used."""
        figures: list[Figure] = []
        if self._held_out is not None:
            self._principles, figures = choose_on(
                self._held_out, rows, interviewer, self._principles, self._config, progress
            )
        if self._principles.by_domain:
            used = "; ".join(f"{domain}: {', '.join(some)}" for domain, some in self._principles.by_domain.items())
            progress.notice(f"{self.name} judges by these principles ({self._principles.origin}): {used}.")
        return figures

    def _ignore(self, progress: Progress) -> list[Figure]:
        if self._config.principle or self._config.principles_file or self._held_out is not None:
            progress.notice(f"{self.name} reads no principles; those that were given make no difference to its scores.")
        self._principles = _NONE
        return []

    def _interview(self, interviewer: Interviewer, rows: Rows) -> Interview:
        if self._config.benchmark != "sensitivity":
            return ByPrinciple(self._benchmark, self._principles)
        items = (item for item in interviewer.items(rows) if item is not None)
        return Probing(Shuffle((item.answers[0].texts.principle for item in items), self._config.run.seed))
