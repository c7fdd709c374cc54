"""How a language model or an encoder comes from a folder or from the hub onto a device, ready to be used.

Code that a model brings along is never run. Nothing is generated or embedded here.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch
import transformers
from safetensors import SafetensorError

from stages.core.errors import ConfigError, DataError, EndpointError, InputMissing

_SAMPLED: Final = 2**20


class Loaded(NamedTuple):
    """A model in evaluation mode on its device, and its tokenizer."""

    model: Any
    tokenizer: Any
    device: torch.device


def load_causal_lm(
    model: str,
    device: str | None = None,
    dtype: str | None = None,
    tokenizer: Any = None,  # noqa: ANN401 - transformers' tokenizers share no type
) -> Loaded:
    """Load a language model by folder or hub id; `tokenizer` is its own, where it was loaded before.

    Default device: cuda where there is one, else cpu. Default dtype: bfloat16 on cuda, else float32. Raises
    InputMissing for a folder that is not there, EndpointError for a hub id that cannot be had, DataError for a model
    that transformers cannot load whole, ConfigError for a device or dtype that does not exist here.
    """
    return _load(transformers.AutoModelForCausalLM, model, device, dtype, tokenizer)


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


def load_tokenizer(model: str) -> Any:  # noqa: ANN401 - as above
    """Load a model's tokenizer alone, to look at it before the weights. Raises as `load_causal_lm` does."""
    source = find_model(model)
    with told_plainly(source):
        tokenizer = transformers.AutoTokenizer.from_pretrained(source, trust_remote_code=False)
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

    The path would mean nothing on another machine, and folders of one name may hold different models. The hash covers
    names, sizes, and the first and last MiB of each file, since weights can be large. Hidden files and folders are left
    out: a log or a download's records say nothing about a model.
    """
    folder = Path(model).expanduser()
    if not folder.is_dir():
        return model
    digest = sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        size = path.stat().st_size
        digest.update(f"{path.relative_to(folder)}\0{size}\0".encode())
        with path.open("rb") as content:
            digest.update(content.read(_SAMPLED))
            content.seek(max(_SAMPLED, size - _SAMPLED))
            digest.update(content.read(_SAMPLED))
    return f"{folder.resolve().name}@{digest.hexdigest()[:8]}"


def find_device(device: str | None) -> torch.device:
    """Return the named device, or the default: cuda where there is one, else cpu."""
    name = device or ("cuda" if torch.cuda.is_available() else "cpu")
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


def _load(kind: Any, model: str, device: str | None, dtype: str | None, tokenizer: Any = None) -> Loaded:  # noqa: ANN401 - an Auto class
    where = find_device(device)
    precision = find_dtype(dtype, where)
    source = find_model(model)
    quiet_bars()
    tokenizer = tokenizer or load_tokenizer(model)
    with told_plainly(source):
        network, info = kind.from_pretrained(source, dtype=precision, trust_remote_code=False, output_loading_info=True)
    # transformers fills missing weights with random numbers and only warns; a pooler is not used by us
    missing = sorted(name for name in info["missing_keys"] if "pooler" not in name)
    if missing:
        raise DataError(f"The model {model} lacks the weights {', '.join(missing[:3])} ({len(missing)} in all).")
    return Loaded(network.to(where).eval(), tokenizer, where)


DTYPES: Final = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

_HUB_ID: Final = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?")
