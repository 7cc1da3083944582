"""Parts by kind and name; tests/integration/test_plugin.py installs plugins."""

import re
from textwrap import dedent
from types import ModuleType

import pytest

import facegen
from facegen.core import hookspecs
from facegen.core.errors import PluginError, RecipeError
from facegen.core.hookspecs import hookimpl
from facegen.core.interfaces import Objective
from facegen.core.kinds import KINDS
from facegen.core.plugins import read_plugin
from facegen.core.registry import Registry, Source, registry

SOURCE = Source("mine", "my-package", "3.1")


class Loss(Objective):
    pass


class Plugin:
    @staticmethod
    @hookimpl
    def facegen_objectives():
        return {"by_class": Loss, "by_string": "facegen.core.interfaces:Objective"}


@pytest.fixture
def known():
    built = Registry()
    built.add(SOURCE, Plugin)
    assert built.broken == []
    return built


def test_table_of_kinds_and_hook_functions_agree():
    assert len(KINDS) == 14 and len({kind.table for kind in KINDS.values()}) == 14
    assert [kind.hook for kind in KINDS.values()] + ["facegen_commands"] == list(hookspecs.HOOKS)
    for kind in KINDS.values():
        plural = f"{kind.name[:-1]}ies" if kind.name.endswith("y") else f"{kind.name}s"
        assert kind.hook == f"facegen_{plural}"
        assert isinstance(getattr(facegen, kind.interface), type)
        described = " ".join(kind.specification.__doc__.split())
        file = {"recipe": "a recipe", "sources": "a list of sources"}[kind.chosen_in]
        assert f"They subclass `facegen.{kind.interface}`; [{kind.table}] of {file} chooses one." in described


@pytest.mark.parametrize("hook", hookspecs.HOOKS)
def test_the_example_of_every_hook_registers_something(hook):
    example = dedent(getattr(hookspecs, hook).__doc__.split("\n\n", 1)[1])
    lines = [line.strip() for line in example.splitlines()]
    start = lines.index("@hookimpl")
    module = ModuleType("example")
    module.hookimpl = hookimpl
    exec("\n".join([*lines[start : start + 2], f"    {lines[start + 2]}"]), vars(module))
    plugin = read_plugin(SOURCE, module)
    assert list(plugin.implementations) == [hook]
    (target,) = plugin.implementations[hook][0]().values()
    assert re.fullmatch(r"facegen_\w+\.\w+:\w+", target)


def test_parts_are_found_as_classes_and_as_strings(known):
    assert known.find("objective", "by_class").load() is Loss
    assert known.find("objective", "by_string").load() is Objective
    assert known.find("objective", "by_class").source == SOURCE


def test_the_message_about_a_missing_part_suggests_a_name_and_lists_broken_plugins(known):
    with pytest.raises(RecipeError) as raised:
        known.find("objective", "by_clas")
    assert str(raised.value) == (
        "objective 'by_clas' is not installed; did you mean 'by_class'? Available: by_class, by_string"
    )
    known.add(Source("other", "other-package", "1"), type("Odd", (), {"facegen_objetives": hookimpl(lambda: {})}))
    with pytest.raises(RecipeError, match=r"\(plugin 'other' \(package other-package 1\) implements no hook"):
        known.find("objective", "x")


@pytest.mark.parametrize("target", ["facegen.core.interfaces:Penalty", "facegen.core.kinds:KINDS", int])
def test_a_part_must_be_of_its_kind(known, target):
    plugin = type("Odd", (), {"facegen_objectives": staticmethod(hookimpl(named({"odd": target})))})
    known.add(SOURCE, plugin)
    with pytest.raises(PluginError, match=r"objective 'odd' is .* no subclass of facegen\.Objective"):
        known.find("objective", "odd").load()


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("no_such_module:X", "No module named 'no_such_module'; fix it, or uninstall my-package"),
        ("facegen.core.kinds:Nope", "AttributeError: module 'facegen.core.kinds' has no attribute 'Nope'"),
    ],
)
def test_the_message_about_a_part_that_does_not_import_has_the_reason(known, target, message):
    known.add(SOURCE, type("Odd", (), {"facegen_objectives": staticmethod(hookimpl(named({"odd": target})))}))
    with pytest.raises(PluginError) as raised:
        known.find("objective", "odd").load()
    assert str(raised.value).startswith("plugin 'mine' (package my-package 3.1): objective 'odd'")
    assert message in str(raised.value)


def test_two_parts_of_one_name_are_both_refused(known):
    known.add(Source("other", "other-package", "1"), Plugin)
    assert len(known.broken) == 2
    with pytest.raises(PluginError, match=r"other-package.*my-package") as raised:
        known.find("objective", "by_class")
    assert "ask its author for another name" in str(raised.value)


def named(parts):
    def facegen_objectives():
        return parts

    return facegen_objectives


def test_the_installation_has_its_own_parts():
    assert registry() is registry()
    assert registry().find("objective", "relid").source.package == "facegen"
