import subprocess
import sys
from pathlib import Path

HEAVY = (
    *("torch", "transformers", "datasets", "numba", "pyarrow", "ray", "aiohttp", "httpx"),
    *("numpy", "rich", "yaml", "orjson"),
)


def loaded_by(code: str, root: Path) -> set[str]:
    """The top-level modules in a fresh interpreter after `code`."""
    report = f"import sys\n{code}\nsys.stderr.write(' '.join(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", report], cwd=root, capture_output=True, text=True, timeout=60, check=True
    )
    return {name.partition(".")[0] for name in result.stderr.split()}


def test_help_loads_nothing_heavy(root: Path) -> None:
    loaded = loaded_by("from rlbff_cli.main import main\nassert main(['--help']) == 0", root)
    assert "typer" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_help_of_rlbff_imports_no_stage(root: Path) -> None:
    code = "from rlbff_cli.main import main\nmain(['--help'])\n"
    code += "assert not [n for n in sys.modules if n.startswith('stages.') and not n.startswith('stages.core')]"
    loaded_by(code, root)


def test_help_of_each_command_loads_nothing_heavy(root: Path) -> None:
    code = "from rlbff_cli.main import main\nfrom rlbff_cli.table import COMMANDS\n"
    code += "for entry in COMMANDS: assert main([entry.name, '--help']) == 0"
    assert loaded_by(code, root).isdisjoint(HEAVY)
