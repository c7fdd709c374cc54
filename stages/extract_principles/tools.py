"""Opens what `--llm` and `--embedder` name: the extractor and the embedder of a run.

Models in this process are imported only where one is named.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from stages.core.budget import Budget
from stages.core.client import Client
from stages.core.errors import ConfigError, RlbffError
from stages.core.job import Load, llm_load
from stages.core.llm import ChatClient
from stages.core.manifest import hidden
from stages.core.options import LlmOptions
from stages.core.usage import recorded_usage
from stages.extract_principles.config import ExtractPrinciplesConfig
from stages.extract_principles.embedders import open_embedder
from stages.extract_principles.embedding import Embedder
from stages.extract_principles.extractors import JOURNALS, Extractor, ModelExtractor, RulesExtractor

RULES: Final = "rules"


@dataclass(frozen=True)
class Tools:
    """The extractor and the embedder; `close` ends connections.

    `usage` tells what the calls of this process cost, `recorded` what all calls for the folder did.
    """

    extractor: Extractor
    embedder: Embedder
    usage: Callable[[], Mapping[str, object]]
    recorded: Callable[[], Mapping[str, object]]
    close: Callable[[], None]


def open_tools(config: ExtractPrinciplesConfig, root: Path, notice: Callable[[str], None]) -> Tools:
    """Open extractor and embedder; journals of calls lie under `root`. Contacts the servers that are named.

    Raises:
        ConfigError: an option names no back end. EndpointError: a server cannot be reached. InputMissing: a model's
        folder does not exist.
    """
    check_choice(config.llm)
    embedder = open_embedder(config.embedder, config.embed_model, config.embed_prefix)
    if uses_rules(config.llm):
        return Tools(RulesExtractor(), embedder, dict, dict, _nothing)
    recorded = partial(recorded_usage, hidden(root, JOURNALS), Budget.of(config.llm))
    if is_server(config.llm):
        client = ChatClient(config.llm, notice=notice)
        try:
            return Tools(_extractor(client, config, root), embedder, client.facts, recorded, client.close)
        except RlbffError:  # the first contact failed
            client.close()
            raise
    from stages.models.client import LocalClient

    local = LocalClient(config.llm, config.run.seed)
    return Tools(_extractor(local, config, root), embedder, local.facts, recorded, _nothing)


def _extractor(client: Client, config: ExtractPrinciplesConfig, root: Path) -> ModelExtractor:
    return ModelExtractor(client, config.llm, seed=config.run.seed, with_response=config.with_response, root=root)


def _nothing() -> None:
    return


def uses_rules(options: LlmOptions) -> bool:
    """Whether the built-in rules read the feedback."""
    return options.llm in (None, RULES)


def is_server(options: LlmOptions) -> bool:
    """Whether a server reads the feedback."""
    return options.llm is not None and options.llm.startswith(("http://", "https://"))


def check_choice(options: LlmOptions) -> None:
    """Raise ConfigError unless `--llm` names one of the back ends."""
    named_local = (options.llm or "").startswith("local:") and len(options.llm or "") > len("local:")
    if not (uses_rules(options) or is_server(options) or named_local):
        raise ConfigError(f"--llm is {options.llm!r}; write a URL (http://host:8000/v1), local:MODEL, or rules.")


def default_workers(config: ExtractPrinciplesConfig) -> int:
    """One process a core for the rules; one for models, which have parallelism of their own."""
    return len(os.sched_getaffinity(0)) if load_of(config) == "core" else 1


def load_of(config: ExtractPrinciplesConfig) -> Load:
    """What a worker keeps busy: a device with its own model, a server, or one core."""
    if uses_rules(config.llm) and config.embedder == "ngram":
        return "core"
    return "gpu" if "gpu" in (llm_load(config.llm.llm), llm_load(config.embedder)) else "server"
