"""From the specs of rewards to one Reward that is open and ready, and what they stand for in a fingerprint.

What each kind of source does is in its own module, which is imported only where it is named.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from hashlib import sha256
from importlib.machinery import PathFinder
from pathlib import Path

from stages.core.errors import ConfigError
from stages.core.options import identity
from stages.rewards.item import Reward
from stages.rewards.open import is_url, reward_model_name, wording
from stages.rewards.options import RewardOptions
from stages.rewards.reward_cache import CachedReward
from stages.rewards.source_options import SourceOptions
from stages.rewards.spec import Spec, names
from stages.rewards.weighted import Source, WeightedReward

Own = Callable[[Spec], Reward]
"""Makes the source of genrm:self and genrm:self-sign."""


def open_reward(
    specs: Sequence[Spec],
    sources: SourceOptions,
    models: Callable[[bool], RewardOptions],
    *,
    seed: int,
    folder: Path,
    notice: Callable[[str], None],
    own: Own | None = None,
) -> WeightedReward:
    """Open all sources as one weighted sum; `close` it.

    `models` gives the options of a reward model, told whether it writes its judgement. `seed` is for those that do.
    `folder` is the run's own for calls and rewards that a killed run finds again, of one process at a time. `notice`
    is told what a user should know. `own` opens genrm:self.

    Raises:
        ConfigError, InputMissing, DataError, EndpointError: a source cannot be had; those opened before are closed.
    """
    opened: list[Source] = []
    with ExitStack() as stack:
        for spec, name in zip(specs, names(specs), strict=True):
            reward = _open(spec, sources, models, seed=seed, folder=folder, notice=notice, own=own)
            stack.callback(reward.close)
            opened.append(Source(name, spec.weight, reward))
        stack.pop_all()
    return WeightedReward(opened, timeout_value=sources.timeout_value)


def needs_principle(specs: Sequence[Spec]) -> bool:
    """Whether a source judges by the row's principle; a scalar head does not. Raises as `open_reward` for rm:."""
    return any(spec.kind == "genrm" or (spec.kind == "rm" and not _is_scalar(spec.argument)) for spec in specs)


def needs_reference(specs: Sequence[Spec]) -> bool:
    """Whether a row without a reference cannot be scored: math:. The tests of code: may be among the other columns."""
    return any(spec.kind == "math" for spec in specs)


def reward_identity(
    specs: Sequence[Spec], sources: SourceOptions, models: Callable[[bool], RewardOptions]
) -> dict[str, object]:
    """What decides the rewards, for a fingerprint: contents in place of paths.

    A model stands under its name with a hash of its content, with its options and the words that it is asked with; a
    module of py: under the hash of its file. Raises as `reward_model_name`, and ConfigError for a module that is not
    there.
    """
    options = identity(sources)
    options.pop("py_path")
    return {"sources": [_source_identity(spec, sources, models) for spec in specs], **options}


def _open(
    spec: Spec,
    sources: SourceOptions,
    models: Callable[[bool], RewardOptions],
    *,
    seed: int,
    folder: Path,
    notice: Callable[[str], None],
    own: Own | None,
) -> Reward:
    match spec.kind:
        case "math":
            from stages.rewards.math_reward import open_math

            return open_math(sources)
        case "check":
            from stages.rewards.check_reward import open_checks

            return open_checks(spec.argument, sources)
        case "py":
            from stages.rewards.python_reward import open_python

            return open_python(spec.argument, sources)
        case "code":
            from stages.rewards.code_reward import open_code

            return CachedReward(open_code(sources), folder / "code.rewards.jsonl", {"level": sources.level})
    if spec.is_own:
        if own is None:
            raise ConfigError(f"{spec.text}: here is no policy that could judge; name a folder or a URL.")
        return own(spec)
    from stages.rewards.model_reward import file_stem, open_model

    options = models(spec.kind == "genrm")
    reward = open_model(spec, options, seed=seed, folder=folder, notice=notice, allow_demo=sources.allow_demo_rm)
    if spec.kind == "genrm" or is_url(spec.argument):
        return reward
    return CachedReward(reward, folder / f"{file_stem(spec)}.rewards.jsonl", identity(options))


def _is_scalar(argument: str) -> bool:
    source = argument.removeprefix("local:")
    if is_url(source):
        return False
    from stages.models.load import load_config

    architectures = load_config(source).architectures or [""]
    return str(architectures[0]).endswith("ForSequenceClassification")


def _source_identity(spec: Spec, sources: SourceOptions, models: Callable[[bool], RewardOptions]) -> dict[str, object]:
    own: dict[str, object] = {"kind": spec.kind, "weight": spec.weight}
    if spec.kind == "py":
        return own | {"argument": spec.argument, "module": _module_hash(spec, sources.py_path)}
    if spec.kind not in ("rm", "genrm"):
        return own | {"argument": spec.argument}
    options = models(spec.kind == "genrm")
    name = spec.argument if spec.is_own else reward_model_name(spec.argument, options)
    return own | {"model": name, "wording": wording(spec.argument, options), "options": identity(options)}


def _module_hash(spec: Spec, folder: Path | None) -> str:
    """The first 16 digits of the sha256 of the file of a module, which is not run."""
    module = spec.argument.partition(":")[0]
    first, *inner = module.split(".")
    found = PathFinder.find_spec(first, [str(folder or Path.cwd())]) or PathFinder.find_spec(first)
    for part in inner:
        found = found and PathFinder.find_spec(part, list(found.submodule_search_locations or ()))
    if found is None or found.origin is None or not Path(found.origin).is_file():
        where = folder or "the working directory"
        raise ConfigError(f"{spec.text}: there is no module {module} in {where}; say where with --py-path.")
    return sha256(Path(found.origin).read_bytes()).hexdigest()[:16]
