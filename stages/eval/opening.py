"""What the options --scores, --against and those about principles name, opened: the sources of scores of one run."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from stages.core.errors import ConfigError, InputMissing
from stages.core.progress import Progress
from stages.core.rows import Row
from stages.core.slices import ReadOptions
from stages.core.whole import all_rows
from stages.eval.benchmarks import BENCHMARKS, Benchmark
from stages.eval.by_source import BySource
from stages.eval.choosing import HeldOut
from stages.eval.config import GENRM, NO_SCORES, RM, EvalConfig, source_of
from stages.eval.counterparts import open_counterparts
from stages.eval.judge_model import judge_name, open_judge
from stages.eval.judged import Judged
from stages.eval.modelled import Modelled
from stages.eval.policy_model import open_policy, policy_name
from stages.eval.prepared import Prepared
from stages.eval.principles import Principles, given_principles, our_principles, parse_principles
from stages.eval.sampled import Sampled
from stages.eval.sources import Source, from_model, open_source, planned_rows, read_rows
from stages.rewards.item import Reward
from stages.rewards.options import RewardOptions
from stages.rewards.spec import Spec

_ROLES: Final = ("scores", "against")


@dataclass(frozen=True, kw_only=True)
class Sources:
    """One or two sources of scores; `principles` and `held_out`, the hashes of the rows to choose on, for models.

    `others` are items of another file to compare with, where --against names no scores; `others_of` its hashes.
    """

    scores: Source
    against: Source | None
    principles: Principles
    held_out: tuple[str, ...] = ()
    others: tuple[Any, ...] | None = None
    others_of: tuple[str, ...] = ()

    def identity(self) -> dict[str, object]:
        """What decides the scores."""
        both = zip(_ROLES, (self.scores, self.against), strict=True)
        names: dict[str, object] = {
            f"{role}_of": None if source is None else [*source.hashes] or source.name for role, source in both
        }
        if self.others is not None:
            names["against_of"] = list(self.others_of)
        if not self._models():
            return names
        principles = {domain: list(texts) for domain, texts in self.principles.by_domain.items()}
        wordings = {f"{role}_wording": model.wording for role, model in self._models().items()}
        return names | wordings | {"principles": principles, "choose_on_of": list(self.held_out)}

    def facts(self) -> dict[str, object]:
        """What the scores of each model rest on, by its role; empty without one."""
        return {role: model.facts() for role, model in self._models().items()}

    def noticed(self) -> dict[str, object]:
        """What each model that was asked in this run said about itself, by its name, for a person."""
        said = {model.name: model.noticed for model in self._models().values() if model.noticed}
        return {
            name: ", ".join(f"{what} {_short(value)}" for what, value in facts.items() if value is not None)
            for name, facts in said.items()
        }

    def remarks(self) -> Iterator[str]:
        """What may be wrong with the scores."""
        for model in self._models().values():
            yield from model.remarks()

    def _models(self) -> dict[str, Prepared]:
        both = zip(_ROLES, (self.scores, self.against), strict=True)
        return {role: source.model for role, source in both if source is not None and source.model is not None}


@contextmanager
def open_sources(
    config: EvalConfig, benchmark: Benchmark, reading: ReadOptions, journal: Path, progress: Progress
) -> Iterator[Sources]:
    """The sources that the options name, as long as the block runs; answers of models are kept in the folder `journal`.

    Raises:
        InputMissing: a file is not there. ConfigError, DataError: a file of principles or of scores is none.
        EndpointError: a server whose model has no name yet cannot be reached.
    """
    if config.benchmark in NO_SCORES:
        yield _without_scores(config, benchmark, reading, journal, progress)
        return
    with ExitStack() as stack:
        principles = _principles(config)
        if config.choose_on is not None and not principles.several:
            raise ConfigError("--choose-on needs several principles to choose from; repeat --principle, or list them.")
        held_out, hashes = _held_out(config, reading, stack)

        def source(role: str, name: str) -> Source:
            if (spec := source_of(name)) is not None:
                return from_model(_by_source(spec, config, benchmark, journal / f"{role}-rewards", progress))
            if not name.startswith((RM, GENRM)):
                return open_source(name, benchmark, reading)
            from stages.rewards.open import open_reward_model, reward_model_name, wording

            writes = name.startswith(GENRM)
            options = replace(config.reward, generative=True) if writes else config.reward
            rm, seed, calls = name.partition(":")[2], config.run.seed, journal / f"{role}-calls.jsonl"
            model = Modelled(
                reward_model_name(rm, options),
                lambda: open_reward_model(rm, options, seed=seed, journal=calls, notice=progress.notice),
                wording=wording(rm, options),
                journal=journal / f"{role}.jsonl",
                benchmark=benchmark,
                config=replace(config, reward=options),
                principles=principles,
                held_out=held_out,
            )
            # behind a URL, name and wording are those of a model that answers in one word
            return replace(from_model(model), hashes=(model.name, GENRM)) if writes else from_model(model)

        against = source("against", config.against) if config.against is not None else None
        yield Sources(scores=source("scores", config.scores), against=against, principles=principles, held_out=hashes)


def _without_scores(
    config: EvalConfig, benchmark: Benchmark, reading: ReadOptions, journal: Path, progress: Progress
) -> Sources:
    """For benchmarks that rest on verdicts: those of the rows, of a judge, or of what a policy writes."""
    others, hashes, against = None, tuple[str, ...](), None
    if config.against is not None and config.benchmark == "rubric":
        against = _grades_of_another(config, config.against, benchmark, reading, journal, progress)
    elif config.against is not None:
        items, hashes = read_rows(config.against, BENCHMARKS[config.benchmark], reading)
        others = tuple(items)
    return Sources(
        scores=_asked(config, benchmark, journal, progress) or open_source(config.scores, benchmark, reading),
        against=against,
        principles=Principles({}, "none"),
        others=others,
        others_of=hashes,
    )


def _asked(config: EvalConfig, benchmark: Benchmark, journal: Path, progress: Progress) -> Source | None:
    if config.judge.llm is not None:
        return from_model(_judged(config, benchmark, benchmark.read, journal, progress))
    return None if config.policy.policy is None else from_model(_policy(config, journal, progress))


def _grades_of_another(
    config: EvalConfig, name: str, benchmark: Benchmark, reading: ReadOptions, journal: Path, progress: Progress
) -> Source:
    """Another policy's responses to the same prompts, with the grades of their rows or of the same judge."""
    find, hashes = open_counterparts(name, benchmark, reading)
    if config.judge.llm is None:
        stored = open_source("stored", benchmark, reading)
        return Source(name=name, score=lambda item: stored.score(find(item)), hashes=hashes)
    judge = _judged(config, benchmark, lambda row, file: find(benchmark.read(row, file)), journal, progress)
    hashes = (judge.name, *hashes)
    return Source(name=name, score=lambda item: judge.score(find(item)), hashes=hashes, model=judge)


def _judged(
    config: EvalConfig, benchmark: Benchmark, read: Callable[[Row, str], Any], journal: Path, progress: Progress
) -> Judged:
    assert benchmark.questions is not None
    options, seed = config.judge_options(), config.run.seed
    return Judged(
        judge_name(options),
        lambda: open_judge(options, seed, progress.notice),
        benchmark.questions,
        read,
        options,
        seed=seed,
        journal=journal / "judge.jsonl",
    )


def _by_source(spec: Spec, config: EvalConfig, benchmark: Benchmark, folder: Path, progress: Progress) -> BySource:
    from stages.rewards.source_model import open_source_reward, source_identity

    decided = json.dumps(source_identity(spec, config.sources), sort_keys=True, default=str)
    return BySource(
        spec.text,
        lambda: open_source_reward(spec, config.sources, seed=config.run.seed, folder=folder, notice=progress.notice),
        benchmark,
        wording=sha256(decided.encode()).hexdigest(),
    )


def _policy(config: EvalConfig, journal: Path, progress: Progress) -> Sampled:
    from stages.rewards.sources import open_reward, reward_identity
    from stages.rewards.spec import parse_specs

    specs = parse_specs(config.policy.reward)

    def models(generative: bool) -> RewardOptions:
        return replace(config.reward, generative=generative)

    def opened() -> Reward:
        seed, folder = config.run.seed, journal / "rewards"
        return open_reward(specs, config.sources, models, seed=seed, folder=folder, notice=progress.notice)

    return Sampled(
        policy_name(config.policy, config.reward),
        lambda: open_policy(config.policy, config.reward, progress.notice),
        opened,
        config,
        rewards=reward_identity(specs, config.sources, models),
        folder=journal,
    )


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else f"{value}"


def _principles(config: EvalConfig) -> Principles:
    if config.principle:
        return given_principles(config.principle)
    path = config.principles_file
    if path is None:
        return our_principles(config.benchmark)
    try:
        return parse_principles(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        raise InputMissing(f"--principles-file {path} does not exist.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--principles-file {path} cannot be read: {error}.") from None


def _held_out(config: EvalConfig, reading: ReadOptions, stack: ExitStack) -> tuple[HeldOut | None, tuple[str, ...]]:
    """The rows to choose principles on, and the hashes of their files."""
    if config.choose_on is None:
        return None, ()
    plan = stack.enter_context(planned_rows(config.choose_on, reading))
    rows = partial(all_rows, plan, replace(reading, limit=None))
    return HeldOut(Path(config.choose_on).name, plan.rows, rows), tuple(info.sha256 for info in plan.inputs)
