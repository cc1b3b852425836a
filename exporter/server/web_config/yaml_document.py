"""A YAML document as mappings, lists and text; what a text means is for its reader to decide.

Text stays text, as in Go's typed decoding: a user may be called ``on``, and a hash is never a number.
"""

import re
from collections.abc import Collection, Iterator
from typing import TypeAlias

import yaml

Tree: TypeAlias = "str | list[Tree] | dict[str, Tree] | None"

_MAX_DEPTH = 8
_MAX_NODES = 10_000
_NULL = "tag:yaml.org,2002:null"
_YES = frozenset({"y", "yes", "on", "true"})
_NO = frozenset({"n", "no", "off", "false"})


class WebConfigError(ValueError):
    """A web configuration cannot be used; the message is one line for the user, without any secret."""


def read_document(content: bytes) -> Tree:
    """Read YAML. Raises WebConfigError."""
    try:
        node = yaml.compose(content.decode("utf-8-sig"), Loader=yaml.SafeLoader)
        return None if node is None else _Reader().read(node, 0)
    except UnicodeError as error:
        raise WebConfigError("the file is not UTF-8") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}" if mark else ""
        # What follows a quotation mark is the file's, and may be part of a secret.
        problem = re.split("['\"]", error.problem or error.context or "")[0].strip()
        raise WebConfigError(f"the file is not valid YAML{where}: {problem}") from error
    except WebConfigError:
        raise
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        raise WebConfigError("the file is not valid YAML") from error


_MAX_QUOTED = 60


def quoted(text: str) -> str:
    """Return text from the file, short and printable."""
    return ascii(text) if len(text) <= _MAX_QUOTED else ascii(text[:_MAX_QUOTED]) + "..."


class _Reader:
    """Bounds what aliases can make of a small file."""

    def __init__(self) -> None:
        self._remaining = _MAX_NODES

    def read(self, node: yaml.Node, depth: int) -> Tree:
        self._remaining -= 1
        if depth > _MAX_DEPTH or self._remaining < 0:
            raise WebConfigError("the file is nested too deeply or too large")
        if isinstance(node, yaml.MappingNode):
            return dict(self._entries(node, depth))
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, depth + 1) for item in node.value]
        text: str = node.value
        text.encode()  # a lone surrogate, written as an escape, would fail later
        return None if node.tag == _NULL else text

    def _entries(self, node: yaml.MappingNode, depth: int) -> Iterator[tuple[str, Tree]]:
        seen = set()
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise WebConfigError(f"line {line}: a key must be text")
            key: str = key_node.value
            if key in seen:
                raise WebConfigError(f"line {line}: the key {quoted(key)} is there twice")
            seen.add(key)
            yield key, self.read(value_node, depth + 1)


class Section:
    """A mapping of the document, whose keys are known and whose values have types."""

    def __init__(self, name: str, tree: Tree, known: Collection[str] | None = None) -> None:
        """Take any keys where none are known. Raises WebConfigError, as every method does."""
        if tree is None:
            tree = {}
        if not isinstance(tree, dict):
            raise WebConfigError(f"{name or 'the file'} must be a mapping")
        self._prefix = f"{name}." if name else ""
        self._values = tree
        if known is not None and (unknown := [key for key in tree if key not in known]):
            raise WebConfigError(
                f"the key {quoted(unknown[0])} in {name or 'the file'} is unknown: write {', '.join(known)}"
            )

    def __bool__(self) -> bool:
        return bool(self._values)

    def name(self, key: str) -> str:
        """Return the whole name of a key, for a message."""
        return self._prefix + key

    def section(self, key: str, known: Collection[str] | None = None) -> "Section":
        """Return a mapping below this one, empty where there is none."""
        return Section(self.name(key), self._values.get(key), known)

    def text(self, key: str) -> str:
        """Return a text, empty where there is none."""
        value = self._values.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise WebConfigError(f"{self.name(key)} must be text")
        return value

    def texts(self, key: str) -> tuple[str, ...] | None:
        """Return a list of texts, or None where there is none."""
        value = self._values.get(key)
        if value is None:
            return None
        if not isinstance(value, list):
            raise WebConfigError(f"{self.name(key)} must be a list of text")
        return tuple(_text_of(item, self.name(key)) for item in value)

    def all_texts(self) -> tuple[tuple[str, str], ...]:
        """Return every key with its text."""
        return tuple((key, self.text(key)) for key in self._values)

    def flag(self, key: str) -> bool | None:
        """Return a boolean, or None where there is none."""
        text = self.text(key).lower()
        if text and text not in _YES | _NO:
            raise WebConfigError(f"{self.name(key)} must be true or false")
        return text in _YES if text else None


def _text_of(item: Tree, name: str) -> str:
    if not isinstance(item, str):
        raise WebConfigError(f"{name} must be a list of text")
    return item
