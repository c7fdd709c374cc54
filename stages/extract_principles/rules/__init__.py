"""The built-in extractor: principles from feedback by fixed rules, without a model.

`extract` is the whole seam; it knows no filters, no annotators and no files.
"""

from stages.extract_principles.rules.extractor import extract
from stages.extract_principles.rules.inventory import FAMILIES

VERSION: int = 1


def families() -> dict[str, tuple[str, ...]]:
    """Every principle the rules can name, by family; each principle is in exactly one."""
    return dict(FAMILIES)


__all__ = ["VERSION", "extract", "families"]
