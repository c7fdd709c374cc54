"""A file of principles, as text or YAML, with the line of every mistake. Takes text; files are the caller's.

Text: a principle a line; empty lines and those that begin with # are skipped. YAML: a list of principles, a mapping
from principle to weight, or a mapping from domain to a principle or either of these, `default` being for every other
domain.
"""

import math

import yaml

from stages.core.errors import ConfigError
from stages.score.principles import DEFAULT, Principle, PrincipleSet


def parse_principles(text: str, source_name: str) -> PrincipleSet:
    """Read principles; every mistake is a ConfigError that names `source_name`, the line and the remedy."""
    if source_name.lower().endswith((".yaml", ".yml")):
        return _Reader(source_name).principles(text)
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
    found = [(number, line) for number, line in lines if line and not line.startswith("#")]
    first: dict[str, int] = {}
    for number, line in found:
        if first.setdefault(line, number) != number:
            raise ConfigError(f"{source_name} line {number}: {line!r} stands already in line {first[line]}.")
    if not found:
        raise ConfigError(f"{source_name} holds no principle; write one a line.")
    everywhere = tuple(Principle(line) for _, line in found)
    return PrincipleSet(source="file", by_domain={DEFAULT: everywhere}, name=source_name)


class _Reader:
    """Turns YAML nodes into principles; a node knows its line and its text, a loaded value would not."""

    def __init__(self, source_name: str) -> None:
        self.source_name = source_name

    def principles(self, text: str) -> PrincipleSet:
        root = self._root(text)
        groups = self._pairs(root) if self._is_by_domain(root) else {DEFAULT: root}
        weighted = {isinstance(node, yaml.MappingNode) for node in groups.values()}
        if len(weighted) > 1:
            raise self._error(root, "some domains have weights and others none; give all of them weights, or none")
        found = {domain: self._group(node) for domain, node in groups.items()}
        return PrincipleSet(source="file", by_domain=found, weighted=weighted == {True}, name=self.source_name)

    def _root(self, text: str) -> yaml.Node:
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            raise ConfigError(f"{self.source_name} line {line}: this is not YAML: {error.problem}.") from error
        except yaml.YAMLError as error:
            raise ConfigError(f"{self.source_name}: this is not YAML: {' '.join(str(error).split())}.") from error
        if root is None or not root.value or isinstance(root, yaml.ScalarNode):
            raise ConfigError(f"{self.source_name} holds no list and no mapping of principles; write `- clarity`.")
        return root

    def _is_by_domain(self, root: yaml.Node) -> bool:
        if not isinstance(root, yaml.MappingNode):
            return False
        numbers = [_number(value) is not None for _, value in root.value]
        if any(numbers) and not all(numbers):
            raise self._error(root, "some keys have a number and others principles; write one kind of mapping")
        return not any(numbers)

    def _group(self, node: yaml.Node) -> tuple[Principle, ...]:
        if isinstance(node, yaml.ScalarNode):
            return (Principle(self._text(node)),)
        if isinstance(node, yaml.MappingNode):
            found = tuple(Principle(text, self._weight(value, text)) for text, value in self._pairs(node).items())
        else:
            texts = [self._text(item) for item in node.value]
            for place, text in enumerate(texts):
                if text in texts[:place]:
                    raise self._error(node.value[place], f"{text!r} is in the list already; leave one out")
            found = tuple(Principle(text) for text in texts)
        if not found:
            raise self._error(node, "the domain has no principle; delete it or write one")
        return found

    def _pairs(self, node: yaml.Node) -> dict[str, yaml.Node]:
        result: dict[str, yaml.Node] = {}
        for key_node, value in node.value:
            key = self._text(key_node)
            if key in result:
                raise self._error(key_node, f"the key {key!r} is given twice; delete one of them")
            result[key] = value
        return result

    def _text(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
            raise self._error(node, "a principle or domain must be a text that is not empty")
        return str(node.value)

    def _weight(self, node: yaml.Node, principle: str) -> float:
        weight = _number(node)
        if weight is None or not 0 < weight < math.inf:
            raise self._error(node, f"the weight of {principle!r} must be a number above 0")
        return weight

    def _error(self, node: yaml.Node, problem: str) -> ConfigError:
        return ConfigError(f"{self.source_name} line {node.start_mark.line + 1}: {problem}.")


def _number(node: yaml.Node) -> float | None:
    """The number that stands there without quotation marks, None for anything else."""
    if not isinstance(node, yaml.ScalarNode) or node.style is not None:
        return None
    try:
        return float(node.value)
    except ValueError:
        return None
