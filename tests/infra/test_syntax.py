"""What a Bicep compiler would say of infra/, as far as it can be told without one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.infra.bicep import (
    EXTENSION,
    INFRA,
    MAIN,
    Module,
    declared,
    decorators,
    files,
    has_default,
    loop_variables,
    modules,
    parse,
    references,
    text,
    tree,
    walk,
)

FUNCTIONS = {
    "empty", "environment", "guid", "join", "loadJsonContent", "loadTextContent", "replace", "resourceGroup",
    "string", "subscription", "subscriptionResourceId", "tenant", "toLower", "union", "uniqueString",
    "description", "minLength", "maxLength", "minValue", "maxValue", "allowed",
}  # fmt: skip
KINDS = ("parameter", "variable", "resource", "module")


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_the_grammar_of_bicep_reads_every_line(path: Path) -> None:
    broken = [node for node in walk(tree(path)) if node.type == "ERROR" or node.is_missing]

    assert [f"{node.start_point}: {text(node)}" for node in broken] == []


def test_the_one_statement_that_the_grammar_does_not_know_names_an_extension_of_the_configuration() -> None:
    extensions = json.loads((INFRA / "bicepconfig.json").read_text(encoding="utf-8"))["extensions"]
    using = [path for path in files() if path.read_bytes().count(EXTENSION)]

    assert [path.stem for path in using] == ["registration"]
    assert EXTENSION.decode().split()[1] in extensions


def test_parameter_values_are_of_parameters_that_are_there() -> None:
    lines = (INFRA / "main.bicepparam").read_text(encoding="utf-8").splitlines()
    values = [line.replace("param ", "var ", 1) for line in lines if line.startswith("param ")]

    assert "using 'main.bicep'" in lines
    assert not parse("\n".join(values) + "\n").has_error
    assert {line.split()[1] for line in values} <= set(declared(MAIN, "parameter"))


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_every_name_that_is_used_is_declared_and_every_declared_one_is_used(path: Path) -> None:
    names = {kind: set(declared(path, kind)) for kind in KINDS}
    known = set().union(*names.values(), FUNCTIONS, loop_variables(path))
    used = references(path)

    assert used - known == set()
    assert (names["parameter"] | names["variable"]) - used == set()


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.symbol)
def test_a_module_is_given_the_parameters_that_it_has_and_needs(module: Module) -> None:
    has = declared(module.path, "parameter")

    assert module.given <= set(has)
    assert {name for name, node in has.items() if not has_default(node)} <= module.given


def test_only_outputs_that_modules_have_are_read_and_none_is_for_nobody() -> None:
    has = {(one.symbol, name) for one in modules() for name in declared(one.path, "output")}
    read = set(re.findall(r"\b(\w+)!?\.outputs\.(\w+)", MAIN.read_text(encoding="utf-8")))

    assert read == has


def test_every_module_is_called() -> None:
    assert {one.path for one in modules()} == {path for path in files() if path != MAIN}


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_every_parameter_says_what_it_is(path: Path) -> None:
    said = {name: decorators(node) for name, node in declared(path, "parameter").items()}

    assert [name for name, words in said.items() if "@description(" not in words] == []


def test_every_number_an_operator_gives_has_bounds() -> None:
    numbers = {name: node for name, node in declared(MAIN, "parameter").items() if " int" in text(node)}
    bounded = [name for name, node in numbers.items() if re.search(r"@minValue|@allowed", decorators(node))]

    assert sorted(bounded) == sorted(numbers)
