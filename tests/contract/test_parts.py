"""Every built-in part keeps the contract of its kind."""

import re

import pytest

from facegen.core.registry import registry
from facegen.testing import check_part

BUILT_IN = [
    pytest.param(part, id=f"{part.kind.name}-{part.name}")
    for parts in registry().parts.values()
    for part in parts.values()
    if part.source.package == "facegen"
]
NEEDS_FILES = {("dataset", "packed")}


@pytest.mark.parametrize("part", BUILT_IN)
def test_keeps_its_contract(part):
    if (part.kind.name, part.name) in NEEDS_FILES:
        pytest.skip("reads a packed corpus; tested where one is packed")
    check_part(part.kind.name, part.load())


@pytest.mark.parametrize("part", BUILT_IN)
def test_file_class_and_recipe_name_agree(part):
    module, class_name = part.target.split(":")
    snake_case = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", class_name).lower()
    assert snake_case == part.name
    assert part.kind.name == "dataset" or module.split(".")[-1] == part.name


def test_nothing_of_facegen_itself_is_broken():
    assert [str(broken) for broken in registry().broken if broken.source.package == "facegen"] == []
