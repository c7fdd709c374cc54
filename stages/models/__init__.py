"""Models in this process: the one room that imports torch and transformers, from the extra `rlbff[models]`.

Importing it raises ConfigError where that extra is not installed.
"""

from importlib.util import find_spec

from stages.core.errors import ConfigError

if missing := [name for name in ("torch", "transformers") if find_spec(name) is None]:
    raise ConfigError(f"A local model needs {' and '.join(missing)}; in a checkout of rlbff: pip install '.[models]'")
