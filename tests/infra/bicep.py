"""Bicep files as trees (tree-sitter-bicep), and what the tests ask them.

There is no compiler here: what it would find is found as far as the rules of this folder go, and
docs/operator.md says what is left.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

from tests.scaffold.project import ROOT

INFRA = ROOT / "infra"
MAIN = INFRA / "main.bicep"
EXTENSION = b"extension microsoftGraphV1\n"
"""The one statement that the grammar does not know yet; it is taken out before a file is parsed."""
_PARSER = Parser(Language(tree_sitter_bicep.language()))
_LOOPS = ("for_statement", "if_statement")


@dataclass(frozen=True, slots=True)
class Resource:
    """A `resource`: its symbol, type, API version, body, and whether it only looks one up."""

    file: Path
    symbol: str
    type: str
    version: str
    existing: bool
    body: Node


@dataclass(frozen=True, slots=True)
class Module:
    """A `module`: its symbol, the file, and the names of the parameters that it is given."""

    symbol: str
    path: Path
    given: frozenset[str]


def files() -> list[Path]:
    """Every Bicep file, parameters apart."""
    return sorted(INFRA.rglob("*.bicep"))


@cache
def tree(path: Path) -> Node:
    """The file's root node."""
    return _PARSER.parse(path.read_bytes().replace(EXTENSION, b"")).root_node


def parse(text: str) -> Node:
    """The root node of a text."""
    return _PARSER.parse(text.encode()).root_node


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    yield node
    for child in node.children:
        yield from walk(child)


def text(node: Node | None) -> str:
    """The node's source."""
    return (node.text or b"").decode() if node else ""


def declared(path: Path, kind: str) -> dict[str, Node]:
    """Top-level declarations of a kind, such as `parameter`, by their name."""
    nodes = [node for node in tree(path).named_children if node.type == f"{kind}_declaration"]
    return {text(node.named_children[0]): node for node in nodes}


def decorators(declaration: Node) -> str:
    """The source of the decorators before a declaration."""
    before = declaration.prev_named_sibling
    return text(before) if before is not None and before.type == "decorators" else ""


def has_default(parameter: Node) -> bool:
    """Whether a parameter may be left out."""
    return len(parameter.named_children) > 2


def resources() -> list[Resource]:
    """Every resource of every file."""
    return [one for path in files() for one in _resources(path)]


def modules(path: Path = MAIN) -> list[Module]:
    """The modules that a file calls."""
    found = []
    for symbol, node in declared(path, "module").items():
        given = property_of(body_of(node), "params")
        keys = frozenset(properties(given)) if given else frozenset()
        found.append(Module(symbol, path.parent / unquoted(node.named_children[1]), keys))
    return found


def body_of(declaration: Node) -> Node:
    """The object of a resource or module, below its loop or condition."""
    node = declaration.named_children[-1]
    while node.type in _LOOPS:
        node = node.named_children[-1]
    return node


def properties(node: Node) -> dict[str, Node]:
    """An object's properties: the values by their names."""
    pairs = [child.named_children for child in node.named_children if child.type == "object_property"]
    return {unquoted(pair[0]): pair[1] for pair in pairs}


def property_of(node: Node, *path: str) -> Node | None:
    """The value below an object, by property names; None where there is none."""
    for name in path:
        if node.type != "object" or (found := properties(node).get(name)) is None:
            return None
        node = found
    return node


def strings(node: Node) -> list[str]:
    """Every string literal below a node, without quotes."""
    return [unquoted(one) for one in walk(node) if one.type == "string"]


def unquoted(node: Node) -> str:
    """A name or string without its quotes."""
    return text(node).strip("'")


def references(path: Path) -> set[str]:
    """Names that expressions of a file use: variables, parameters, symbols and functions."""
    found = set()
    for node in walk(tree(path)):
        if node.type == "identifier" and node.parent is not None and not _names_something(node):
            found.add(text(node))
    return found


def loop_variables(path: Path) -> set[str]:
    """Names that `for` introduces."""
    return {
        name
        for node in walk(tree(path))
        if node.type == "for_statement"
        for name in re.findall(r"\w+", text(node)[: text(node).index(" in ")])[1:]
    }


def _names_something(node: Node) -> bool:
    parent = node.parent
    assert parent is not None
    first = parent.named_children[0] == node
    return first and (parent.type == "object_property" or parent.type.endswith("_declaration"))


def _resources(path: Path) -> Iterator[Resource]:
    for symbol, node in declared(path, "resource").items():
        kind, _, version = unquoted(node.named_children[1]).partition("@")
        existing = any(child.type == "existing" for child in node.children) or " existing =" in text(node)
        yield Resource(path, symbol, kind, version, existing, body_of(node))
