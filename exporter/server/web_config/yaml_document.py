"""The YAML of a web configuration: mappings, lists and text. The reader decides what a text means.

As in Go, text stays text: a user may be called ``on``, and a hash is never a number.
"""

import re
from collections.abc import Collection, Hashable
from typing import Any, TypeAlias

import yaml

Tree: TypeAlias = "str | list[Tree] | dict[str, Tree] | None"

_NULL = "tag:yaml.org,2002:null"
_MAX_QUOTED = 60
_YES = frozenset({"y", "yes", "on", "true"})
_NO = frozenset({"n", "no", "off", "false"})


class WebConfigError(ValueError):
    """A web configuration cannot be used; the message is one line for the user, without any secret."""


def read_document(content: bytes) -> Tree:
    """Read YAML. Raises WebConfigError."""
    try:
        tree: Tree = yaml.load(content.decode("utf-8-sig"), _Loader)  # noqa: S506 -- makes text, not objects
    except UnicodeError as error:
        raise WebConfigError("the file is not UTF-8") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}" if mark else ""
        # The text after a quotation mark is from the file, and may be part of a secret.
        problem = re.split("['\"]", error.problem or error.context or "")[0].strip()
        raise WebConfigError(f"the file is not valid YAML{where}: {problem}") from error
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        raise WebConfigError("the file is not valid YAML") from error
    return tree


def quoted(text: str) -> str:
    """Return text from the file, short and printable."""
    return ascii(text) if len(text) <= _MAX_QUOTED else ascii(text[:_MAX_QUOTED]) + "..."


class _Loader(yaml.BaseLoader):
    """Loads null as None and all other scalars as text, and refuses a key that is there twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: ARG002, FBT001, FBT002
        mapping: dict[Hashable, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value in mapping:
                raise yaml.constructor.ConstructorError(
                    problem="a key is not text, or there twice", problem_mark=key.start_mark
                )
            mapping[self.construct_scalar(key)] = self.construct_object(value, deep=True)
        return mapping

    def construct_scalar(self, node: yaml.ScalarNode) -> str:
        text: str = node.value
        text.encode()  # fails on a lone surrogate, which YAML can write as an escape
        return text


_Loader.add_implicit_resolver(_NULL, re.compile("(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_Loader.add_constructor(_NULL, lambda _loader, _node: None)


class Section:
    """A mapping of the document, with known keys and typed values."""

    def __init__(self, name: str, tree: Tree, known: Collection[str] | None = None) -> None:
        """Without ``known``, any keys are allowed. Raises WebConfigError, as every method does."""
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
        """Return the full name of a key, for a message."""
        return self._prefix + key

    def section(self, key: str, known: Collection[str] | None = None) -> "Section":
        """Return a mapping below this one, empty if there is none."""
        return Section(self.name(key), self._values.get(key), known)

    def text(self, key: str) -> str:
        """Return a text, empty if there is none."""
        value = self._values.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise WebConfigError(f"{self.name(key)} must be text")
        return value

    def texts(self, key: str) -> tuple[str, ...] | None:
        """Return a list of texts, or None if there is none."""
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
        """Return a boolean, or None if there is none."""
        text = self.text(key).lower()
        if text and text not in _YES | _NO:
            raise WebConfigError(f"{self.name(key)} must be true or false")
        return text in _YES if text else None


def _text_of(item: Tree, name: str) -> str:
    if not isinstance(item, str):
        raise WebConfigError(f"{name} must be a list of text")
    return item
