"""How a model comes from a folder or from the hub onto a device, ready to be used or to be trained.

Code that a model brings along is never run. Nothing is generated or embedded here.
"""

import re
import sys
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch
import transformers
from safetensors import SafetensorError

from stages.core.errors import ConfigError, DataError, EndpointError, InputMissing
from stages.core.intact import check_model
from stages.core.model_digest import model_digest


class Loaded(NamedTuple):
    """A model on its device, in evaluation mode unless it is to be trained, and its tokenizer."""

    model: Any
    tokenizer: Any
    device: torch.device


def load_causal_lm(
    model: str,
    device: str | None = None,
    dtype: str | None = None,
    tokenizer: Any = None,  # noqa: ANN401 - transformers' tokenizers share no type
    revision: str | None = None,
) -> Loaded:
    """Load a language model by folder or hub id; `tokenizer` is its own, where it was loaded before.

    `revision` is a branch, tag or commit on the hub; a folder has none. Default device: cuda where there is one, else
    cpu. Default dtype: bfloat16 on cuda, else float32. Raises InputMissing for a folder that is not there,
    EndpointError for a hub id that cannot be had, DataError for a model that transformers cannot load whole,
    ConfigError for a device or dtype that does not exist here.
    """
    return _load(transformers.AutoModelForCausalLM, model, device, dtype, tokenizer, revision=revision)


def load_classifier(
    model: str,
    device: str | None = None,
    dtype: str | None = None,
    tokenizer: Any = None,  # noqa: ANN401 - as above
) -> Loaded:
    """Load a sequence-classification model. Defaults and errors are those of `load_causal_lm`."""
    return _load(transformers.AutoModelForSequenceClassification, model, device, dtype, tokenizer)


def load_encoder(model: str, device: str | None = None, dtype: str | None = None) -> Loaded:
    """Load a model without its head, for its hidden states. Defaults and errors are those of `load_causal_lm`."""
    return _load(transformers.AutoModel, model, device, dtype)


def load_for_training(
    model: str,
    *,
    scalar_head: bool,
    seed: int,
    tokenizer: Any = None,  # noqa: ANN401 - as above
) -> Loaded:
    """Load a model to be trained: fp32 weights on the CPU, in training mode, from where a Trainer takes it.

    A causal language model, or with `scalar_head` a classifier with one output; its head is drawn from `seed` unless
    the folder has one. Raises as `load_causal_lm` does, and ConfigError for a family that has no such classifier.
    """
    if not scalar_head:
        loaded = _load(transformers.AutoModelForCausalLM, model, "cpu", "float32", tokenizer)
        loaded.model.train()
        return loaded
    family = load_config(model)
    if type(family) not in transformers.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING:
        raise ConfigError(
            f"The model {model} is of the family {family.model_type}, for which transformers has no classifier with a "
            "scalar head; use a base model of another family, such as qwen3 or llama."
        )
    kind = transformers.AutoModelForSequenceClassification
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        loaded = _load(kind, model, "cpu", "float32", tokenizer, may_lack={"score.weight"}, num_labels=1)
    if loaded.model.config.pad_token_id is None:
        # who scores padded batches with transformers alone needs to know which tokens are padding
        loaded.model.config.pad_token_id = loaded.tokenizer.pad_token_id
    loaded.model.train()
    return loaded


def load_tokenizer(model: str, revision: str | None = None) -> Any:  # noqa: ANN401 - as above
    """Load a model's tokenizer alone, to look at it before the weights. Raises as `load_causal_lm` does."""
    source = find_model(model)
    with told_plainly(source):
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            source, trust_remote_code=False, revision=revision or "main"
        )
    if not tokenizer("yes", add_special_tokens=False)["input_ids"]:
        raise DataError(f"The model {model} has no tokenizer: its tokenizer files are missing or empty.")
    return tokenizer


def load_config(model: str) -> Any:  # noqa: ANN401 - transformers' configs share no useful type
    """Load a model's configuration alone. Raises as `load_causal_lm` does."""
    source = find_model(model)
    with told_plainly(source):
        return transformers.AutoConfig.from_pretrained(source, trust_remote_code=False)


def model_name(model: str) -> str:
    """How a model is called in what we write: a hub id as it is, a folder by its own name and a hash of its content.

    The path would mean nothing on another machine, and folders of one name may hold different models. Raises DataError
    where a run of ours made the folder and a file is no longer what it wrote.
    """
    folder = Path(model).expanduser()
    if not folder.is_dir():
        return model
    check_model(folder)
    return f"{folder.resolve().name}@{model_digest(folder)}"


def find_device(device: str | None) -> torch.device:
    """Return the named device, or the default: cuda where there is one, else cpu."""
    name = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("meta"):
        raise ConfigError(f"The device {name!r} holds no numbers; use cpu or cuda.")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as problem:
        first = str(problem).strip().split("\n")[0]
        raise ConfigError(f"The device {name!r} cannot be used here ({first}); use cpu or cuda.") from problem


def find_dtype(dtype: str | None, device: torch.device) -> torch.dtype:
    """Return the named dtype, or the default: bfloat16 on cuda, else float32."""
    name = dtype or ("bfloat16" if device.type == "cuda" else "float32")
    if name not in DTYPES:
        raise ConfigError(f"The dtype {name!r} is not one of {', '.join(DTYPES)}.")
    return DTYPES[name]


def find_model(model: str) -> str:
    """Return the model's folder or hub id as it is to be loaded; raises InputMissing if it can be neither."""
    folder = Path(model).expanduser()
    if model and folder.is_dir():
        if not (folder / "config.json").is_file() and not (folder / "modules.json").is_file():
            raise InputMissing(f"The folder {model} holds no model: it has no config.json.")
        return str(folder)
    if not _HUB_ID.fullmatch(model):
        raise InputMissing(f"There is no folder {model!r}, and it is no hub id (those look like owner/name).")
    return model


@contextmanager
def told_plainly(model: str) -> Iterator[None]:
    """Turn what transformers raises about a model that cannot be had or read into one line of ours."""
    try:
        yield
    except (OSError, ValueError, ImportError, RuntimeError, SafetensorError) as problem:
        first = " ".join(str(problem).split())[:300]
        if Path(model).is_dir():
            raise DataError(f"The model in {model} cannot be loaded: {first}") from problem
        raise EndpointError(f"There is no folder {model}, and the hub does not give such a model: {first}") from problem


def quiet_bars() -> None:
    """Draw no progress bars of transformers and the hub where no person watches them."""
    if not sys.stderr.isatty():
        transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]


@contextmanager
def _without_report() -> Iterator[None]:
    """Keep the table of missing and superfluous weights to ourselves: what matters of it becomes an error."""
    before = transformers.utils.logging.get_verbosity()
    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        transformers.utils.logging.set_verbosity(before)


def _load(
    kind: Any,  # noqa: ANN401 - an Auto class
    model: str,
    device: str | None,
    dtype: str | None,
    tokenizer: Any = None,  # noqa: ANN401 - as above
    may_lack: Set[str] = frozenset(),
    revision: str | None = None,
    **settings: object,
) -> Loaded:
    where = find_device(device)
    precision = find_dtype(dtype, where)
    source = find_model(model)
    quiet_bars()
    tokenizer = tokenizer or load_tokenizer(model, revision)
    with told_plainly(source), _without_report():
        network, info = kind.from_pretrained(
            source,
            dtype=precision,
            trust_remote_code=False,
            output_loading_info=True,
            revision=revision or "main",
            **settings,
        )
    # transformers fills missing weights with random numbers and only warns; a pooler is not used by us
    missing = sorted(name for name in info["missing_keys"] - may_lack if "pooler" not in name)
    if missing:
        raise DataError(f"The model {model} lacks the weights {', '.join(missing[:3])} ({len(missing)} in all).")
    return Loaded(network.to(where).eval(), tokenizer, where)


DTYPES: Final = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

_HUB_ID: Final = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?")
