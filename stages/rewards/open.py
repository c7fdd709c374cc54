"""Which kind of reward model a word means, and how it is opened.

A URL, or --generative: a model that writes its judgement. A folder or hub id: what its configuration says, a language
model that answers Yes or No, or a scalar head. Models in this process are imported only where one is named.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stages.core.errors import ConfigError, DataError
from stages.core.llm import ChatClient
from stages.rewards.model import RewardModel
from stages.rewards.options import RewardOptions

if TYPE_CHECKING:
    from stages.rewards.card import Kind

_WANTED: Final = (
    "wanted is a folder written by train-rm, a causal language model with a chat template, or a "
    "sequence-classification model with one label"
)


def open_reward_model(
    rm: str, options: RewardOptions, *, seed: int, journal: Path, notice: Callable[[str], None]
) -> RewardModel:
    """Open a URL, a folder or a hub id (also written local:MODEL).

    `seed` and `journal`, the file of finished calls, are for models that write their judgement. `notice` is told what
    a user should know. Raises InputMissing for a folder that is not there, EndpointError for a server or hub id that
    cannot be had, ConfigError for what is no reward model, DataError for a damaged one.
    """
    source = rm.removeprefix("local:")
    if is_url(source) or options.generative:
        from stages.rewards.generative import open_generative

        if not is_url(source):
            _check_writes(source)
        return open_generative(source, options, seed=seed, journal=journal, notice=notice)
    from stages.models.load import load_config
    from stages.rewards.card import CARD, read_card
    from stages.rewards.entailment import open_entailment
    from stages.rewards.scalar import open_scalar

    _check_folder(source)
    card = read_card(Path(source).expanduser())
    kind = _kind(source, load_config(source))
    if card is not None and card.kind != kind:
        raise DataError(
            f"The {CARD} in {source} says {card.kind}, but the model in it is a {kind} one; use the folder as train-rm "
            "wrote it."
        )
    return (open_scalar if kind == "scalar" else open_entailment)(source, card, options, notice)


def reward_model_name(rm: str, options: RewardOptions) -> str:
    """The name of a model for fingerprints, without its weights: a hub id, or a folder's own name and content hash.

    At a URL it is --rm-model, else the only model that the server lists, which is asked. Raises as
    `open_reward_model`, but looks into no file.
    """
    source = rm.removeprefix("local:")
    if not is_url(source):
        from stages.models.load import find_model, model_name

        _check_folder(source)
        return model_name(find_model(source))
    if options.rm_model is not None:
        return options.rm_model
    client = ChatClient(options.llm(source), option="--rm", model_option="--rm-model")
    try:
        return client.model
    finally:
        client.close()


def wording(rm: str, options: RewardOptions) -> str | None:
    """The hash of the words with which a model is asked that writes its judgement; None for any other.

    It belongs into fingerprints beside the name.
    """
    if not is_url(rm.removeprefix("local:")) and not options.generative:
        return None
    from stages.rewards.judge_prompt import prompt_hash

    return prompt_hash()


def is_url(rm: str) -> bool:
    """Whether a server is meant."""
    return rm.lower().startswith(("http://", "https://"))


def _check_folder(source: str) -> None:
    """Raise ConfigError for a path that is there but holds no model; what is not there is left to `find_model`."""
    path = Path(source).expanduser()
    if path.is_file():
        raise ConfigError(f"{source} is a file; name the folder of the model.")
    if not source or not path.is_dir() or (path / "config.json").is_file():
        return
    if (path / "adapter_config.json").is_file():
        raise ConfigError(f"{source} holds an adapter without its base model; merge the two into one folder first.")
    names = sorted(entry.name for entry in path.iterdir() if not entry.name.startswith("."))
    found = f"{', '.join(names[:3])}{', ...' if len(names) > 3 else ''}" if names else "nothing"
    raise ConfigError(f"{source} holds no model: there is no config.json, but {found}; {_WANTED}.")


def _check_writes(source: str) -> None:
    """Raise ConfigError for a model that can write no judgement."""
    from stages.models.load import load_config

    _check_folder(source)
    if _kind(source, load_config(source)) == "scalar":
        raise ConfigError(f"{source} has a scalar head and writes no judgement; leave out --generative.")


def _kind(source: str, config: Any) -> "Kind":  # noqa: ANN401 - transformers' configs share no useful type
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    found = (config.architectures or [None])[0]
    own = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(config.model_type)
    if found is not None and found.endswith("ForSequenceClassification"):
        return "scalar"
    if own is not None and (found in (None, own) or found.endswith("ForCausalLM")):
        return "entailment"
    raise ConfigError(f"{source} is a {found or config.model_type}, which is no reward model; {_WANTED}.")
