"""Who may import whom: the contracts of pyproject.toml, the third-party packages of each room; configs load fast."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

HEAVY = ("torch", "transformers", "sentence_transformers", "datasets", "numba", "pyarrow", "ray")

# Packages that a file may import at all, also inside a function. The longest matching path decides.
THIRD_PARTY: dict[str, set[str]] = {
    "rlbff_cli": {"typer", "rich", "yaml", "orjson", "pyarrow", "numpy"},
    "stages/core": {"pyarrow", "numpy", "orjson", "yaml", "fsspec", "aiohttp"},
    "stages/core/errors.py": set(),
    "stages/core/options.py": set(),
    "stages/core/ray_cluster.py": {"ray"},
    "stages/core/ray_runner.py": {"ray"},
    "stages/core/progress.py": set(),
    "stages/extract_principles": {"pyarrow", "numpy", "orjson", "yaml", "rapidfuzz"},
    "stages/extract_principles/config.py": set(),
    "stages/eval": {"pyarrow", "numpy", "yaml"},
    "stages/eval/config.py": set(),
    "stages/rewards": {"numpy", "torch", "transformers", "safetensors"},
    "stages/rewards/options.py": set(),
    "stages/rewards/source_options.py": set(),
    "stages/rewards/math_worker.py": {"math_verify"},
    "stages/train_policy": {"numpy", "pyarrow", "yaml", "torch", "transformers", "safetensors"},
    "stages/train_policy/config.py": set(),
    "stages/train_policy/presets.py": set(),
    "stages/train_policy/reporters.py": {"torch", "wandb", "trackio"},
    "stages/train_policy/trl_engine.py": {"numpy", "torch", "transformers", "trl", "datasets", "accelerate", "peft"},
    "stages/train_policy/trl_trainer.py": {"torch", "trl"},
    "stages/train_policy/verl_plugin.py": {"torch", "verl"},
    "stages/train_rm": {"numpy", "pyarrow", "yaml", "torch", "transformers", "accelerate", "peft", "safetensors"},
    "stages/train_rm/config.py": set(),
    "stages/score": {"numpy", "pyarrow", "yaml"},
    "stages/score/config.py": set(),
    "stages/models": {"torch", "transformers", "tokenizers", "sentence_transformers", "safetensors", "jinja2", "numpy"},
    "stages/sandbox": set(),
    "stages/programs": {"numpy"},
    "stages/select_cotp": {"numpy", "numba", "llvmlite", "pyarrow", "yaml"},
    "stages/select_cotp/config.py": set(),
    "stages/select_cotp/by_tslearn.py": {"numpy", "tslearn"},
    "stages/verify_code": {"numpy", "pyarrow", "yaml"},
    "stages/verify_code/config.py": set(),
}

# Rooms that only an extra of pyproject.toml makes work.
NEEDS_AN_EXTRA = (
    "stages/core/ray_cluster.py",
    "stages/core/ray_runner.py",
    "stages/models",
    "stages/rewards",
    "stages/rewards/math_worker.py",
    "stages/train_rm",
    "stages/select_cotp/by_tslearn.py",
    "stages/train_policy",
    "stages/train_policy/reporters.py",
    "stages/train_policy/trl_engine.py",
    "stages/train_policy/trl_trainer.py",
    "stages/train_policy/verl_plugin.py",
)

# What the command line may know of the stages: their options, how a folder is read, and how it is printed.
CLI_MAY_IMPORT = (
    *("errors", "progress", "options", "manifest", "shards", "report", "helpsteer3", "remote", "mirror"),
    *("gathered", "sections", "sections_html", "checkpoints", "disk"),
)


def test_contracts_of_pyproject_are_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    assert lint_imports(config_filename="pyproject.toml", no_cache=True) == 0


def test_each_room_imports_only_its_packages(root: Path) -> None:
    strays = [
        f"{file.relative_to(root)} imports {name}"
        for file in source_files(root)
        for name in sorted({module.split(".")[0] for module in imports_of(file)})
        if name not in sys.stdlib_module_names | {"stages", "rlbff_cli"}
        and name not in allowed(file.relative_to(root).as_posix())
    ]
    assert strays == []


def test_what_rooms_import_is_installed_without_extras(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[<>=\[ ]", text)[0] for text in project["dependencies"]}
    needed = {name for room, names in THIRD_PARTY.items() if room not in NEEDS_AN_EXTRA for name in names}
    assert {"pyyaml" if name == "yaml" else name for name in needed} == declared


def test_command_line_knows_only_configs_and_the_folder_modules(root: Path) -> None:
    may = {f"stages.core.{name}" for name in CLI_MAY_IMPORT}
    strays = [
        f"{file.name} imports {module}"
        for file in sorted((root / "rlbff_cli").rglob("*.py"))
        for module in imports_of(file)
        if module.startswith("stages") and module not in may and not module.endswith(".config")
    ]
    assert strays == []


def test_configs_load_no_heavy_package(root: Path) -> None:
    configs = [
        ".".join(file.relative_to(root).with_suffix("").parts) for file in sorted(root.glob("stages/*/config.py"))
    ]
    assert configs
    code = (
        f"import importlib, sys\nfor name in {configs!r}: importlib.import_module(name)\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def source_files(root: Path) -> list[Path]:
    return sorted(file for room in ("rlbff_cli", "stages") for file in (root / room).rglob("*.py"))


def imports_of(file: Path) -> Iterator[str]:
    """The full names of the modules that a file imports anywhere, also inside functions."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} has a relative import"
            assert node.module is not None
            yield node.module


def allowed(path: str) -> set[str]:
    rooms = [room for room in THIRD_PARTY if path == room or path.startswith(room + "/")]
    return THIRD_PARTY[max(rooms, key=len)] if rooms else set()
