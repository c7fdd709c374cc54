import subprocess
from collections.abc import Callable

import pytest


@pytest.mark.parametrize("package", ["torch", "transformers"])
def test_missing_extra_is_named_with_its_remedy(
    package: str, root: object, run_python: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(root)!r}); sys.modules[{package!r}] = None\n"
        "from stages.core.errors import ConfigError\n"
        "from stages.extract_principles.embedders import open_embedder\n"
        "try: open_embedder('local:some/model')\n"
        "except ConfigError as problem: print(problem)"
    )
    done = run_python("-c", code)
    assert done.stdout == f"A local model needs {package}; in a checkout of rlbff: pip install '.[models]'\n", (
        done.stderr
    )
