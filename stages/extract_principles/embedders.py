"""Which embedder the option --embedder names: the built-in n-grams, a server, or a model in this process.

It only chooses; each kind of embedder has a module of its own, imported when it is chosen.
"""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

from stages.core.errors import ConfigError
from stages.extract_principles.embedding import Embedder

KEY_VARIABLES: Final = ("RLBFF_LLM_KEY", "OPENAI_API_KEY")
"""Environment variables that may hold a server's key, in the order in which they are asked."""


def open_embedder(
    spec: str, model: str | None = None, prefix: str = "", *, environ: Mapping[str, str] = os.environ
) -> Embedder:
    """Open the embedder that `spec` names; `prefix` is put before every text.

    - `ngram`: the built-in character n-grams, named `ngram@1`; no prefix.
    - `http://...` or `https://...`: an OpenAI-compatible server, asked for `model` (default: the only one it lists) and
      named `url:MODEL`; the key is taken from `environ`.
    - `local:MODEL`: a folder or hub id, loaded with sentence-transformers or transformers and named as written.

    Raises ConfigError for anything else, EndpointError for a server that cannot be reached or refuses, InputMissing for
    a folder that does not exist.
    """
    kind, _, rest = spec.partition(":")
    is_url = kind.lower() in ("http", "https") and rest.startswith("//")
    if model is not None and not is_url:
        raise ConfigError(f"--embed-model names a model at a URL, but --embedder is {spec!r}; leave --embed-model out.")
    if is_url:
        from stages.extract_principles.url_embedder import UrlEmbedder

        key = next((environ[name] for name in KEY_VARIABLES if environ.get(name)), None)
        return UrlEmbedder(spec, model, prefix, key)
    if kind == "local" and rest:
        from stages.models.embed import LocalEmbedder

        return LocalEmbedder(rest, prefix)
    if spec != "ngram":
        raise ConfigError(_unknown(spec))
    if prefix:
        raise ConfigError("--embed-prefix would make all texts alike for --embedder ngram; leave it out.")
    from stages.extract_principles.ngram_embedder import NgramEmbedder

    return NgramEmbedder()


def _unknown(spec: str) -> str:
    kind, sign, rest = spec.partition(":")
    guess = ""
    if not sign and get_close_matches(spec.lower(), ["ngram"]):
        guess = "ngram"
    elif sign and rest[:1].isdecimal():
        guess = f"http://{spec}"
    elif sign and get_close_matches(kind.lower(), ["local"]):
        guess = f"local:{rest or 'MODEL'}"
    elif "/" in spec and not sign:
        guess = f"local:{spec}"
    hint = f" Did you mean {guess!r}?" if guess else ""
    return f"--embedder {spec!r} is none of ngram, http(s)://HOST/v1 and local:MODEL.{hint}"
