"""Opens what makes chains: the annotator, the model of entropies, the benchmark files, the map of names."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from stages.core.manifest import fingerprint
from stages.core.runner import reading
from stages.select_cotp.annotating import open_annotator
from stages.select_cotp.chaining import Method
from stages.select_cotp.config import SelectCotpConfig, SourceName
from stages.select_cotp.contamination import Benchmarks
from stages.select_cotp.core_build import accepted
from stages.select_cotp.core_rows import core_files
from stages.select_cotp.entropies import open_entropies
from stages.select_cotp.jobs import Settings
from stages.select_cotp.patterns import read_pattern_map


def annotates(config: SelectCotpConfig, columns: Sequence[str]) -> SourceName:
    """Where patterns come from where --patterns is auto: the rows' own column, the --llm, the built-in rules."""
    if config.chains.patterns != "auto":
        return config.chains.patterns
    if "patterns" in columns:
        return "column"
    return "llm" if config.llm.llm is not None else "rules"


@contextmanager
def opened(settings: Settings, notice: Callable[[str], None]) -> Iterator[Method]:
    """What the chains of rows are made with, connections closed at the end."""
    method = open_method(settings, notice)
    try:
        yield method
    finally:
        if method.annotator is not None:
            method.annotator.close()


def open_method(settings: Settings, notice: Callable[[str], None]) -> Method:
    """What the chains of rows are made with; `notice` is told what a person should read once.

    Raises:
        RlbffError: a file is missing or bad, a model cannot be loaded, a server cannot be reached.
    """
    config = settings.config
    chosen = replace(config, chains=replace(config.chains, patterns=settings.annotates))
    mapping = config.chains.pattern_map
    if config.chains.entropy_model == "tiny":
        notice("tiny has random weights and is for demonstrations: its entropies say nothing about texts.")
    return Method(
        config=config,
        annotator=open_annotator(chosen, settings.root, notice) if config.needs_patterns else None,
        entropies=open_entropies(config, settings.tiny_texts) if config.uses_entropy else None,
        benchmarks=Benchmarks.read(config.benchmark_files, reading(config.run)) if config.benchmark_files else None,
        mapping={} if mapping is None else read_pattern_map(mapping),
    )


def identity_of(config: SelectCotpConfig, method: Method) -> dict[str, object]:
    """What decides chains besides the options: models, benchmark files, the map of names, the core set."""
    found: dict[str, object] = {}
    if method.annotator is not None:
        found["annotator"] = dict(method.annotator.identity)
    if method.entropies is not None:
        found["entropies"] = dict(method.entropies.identity)
    if method.benchmarks is not None:
        found["benchmark_files"] = list(method.benchmarks.identity)
    if method.mapping:
        found["pattern_names"] = fingerprint(sorted(method.mapping.items()))
    return found


def identity_of_files(config: SelectCotpConfig) -> dict[str, object]:
    """What decides the selection besides the options: the core set's files, the list of accepted ids."""
    found: dict[str, object] = {}
    if config.core:
        found["core_files"] = core_files(config)
    if config.accept_list is not None:
        found["accepted"] = fingerprint(accepted(config))
    if config.kernel == "tslearn":
        # the only one whose rounding differs
        found["kernel"] = config.kernel
    return found
