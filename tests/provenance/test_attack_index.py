"""Every attack and fault of the list has a test that carries its number.

The list: 60 numbered cases in eight families (log content 1-7, truncation 8-12, equivocation 13-15,
checkpoint 16-21, proofs 22-24, artifacts 25-33, lineage and policy 34-40, faults 41-49, anchors
50-57, interop 58-60).
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
NUMBERED = re.compile(r"test_(?:attack|fault)_(\d\d?(?:_\d\d?)*)(?:_|$)")


def names() -> Iterator[str]:
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                yield node.name


@pytest.fixture(scope="module")
def covered() -> set[int]:
    found = (NUMBERED.match(name) for name in names())
    return {int(number) for match in found if match for number in match[1].split("_")}


@pytest.mark.parametrize("number", range(1, 61))
def test_number_has_a_test(covered: set[int], number: int):
    assert number in covered
