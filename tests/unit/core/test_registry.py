"""Parts by kind and name; the plugins of strangers are tried in tests/integration/test_plugin.py."""

import pytest

import facegen
from facegen.core.errors import PluginError, RecipeError
from facegen.core.hookspecs import HookSpecs, hookimpl
from facegen.core.interfaces import Objective
from facegen.core.kinds import KINDS
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


def test_every_kind_has_its_interface_and_its_hook():
    hooks = [kind.hook for kind in KINDS.values()]
    assert len(set(hooks)) == len(KINDS) == 13
    assert KINDS["penalty"].hook == "facegen_penalties" and KINDS["matcher"].hook == "facegen_matchers"
    for kind in KINDS.values():
        assert isinstance(getattr(facegen, kind.interface), type)
        assert kind.meaning in getattr(HookSpecs, kind.hook).__doc__
    tables = [kind.table for kind in KINDS.values()]
    assert len(set(tables)) == len(tables)


def test_parts_are_found_as_classes_and_as_strings(known):
    assert known.find("objective", "by_class").load() is Loss
    assert known.find("objective", "by_string").load() is Objective
    assert known.find("objective", "by_class").source == SOURCE


def test_a_missing_part_is_met_with_the_nearest_name_and_with_what_is_broken(known):
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
    ("target", "said"),
    [
        ("no_such_module:X", "No module named 'no_such_module'; fix it, or uninstall my-package"),
        ("facegen.core.kinds:Nope", "AttributeError: module 'facegen.core.kinds' has no attribute 'Nope'"),
    ],
)
def test_a_part_that_does_not_import_says_why(known, target, said):
    known.add(SOURCE, type("Odd", (), {"facegen_objectives": staticmethod(hookimpl(named({"odd": target})))}))
    with pytest.raises(PluginError) as raised:
        known.find("objective", "odd").load()
    assert str(raised.value).startswith("plugin 'mine' (package my-package 3.1): objective 'odd'")
    assert said in str(raised.value)


def test_of_two_parts_with_one_name_neither_is_chosen(known):
    known.add(Source("other", "other-package", "1"), Plugin)
    assert len(known.broken) == 2
    with pytest.raises(PluginError, match=r"other-package.*my-package") as raised:
        known.find("objective", "by_class")
    assert "ask its author for another name" in str(raised.value)


def named(parts):
    def facegen_objectives():
        return parts

    return facegen_objectives


def test_the_installation_knows_its_own_parts():
    assert registry() is registry()
    assert registry().find("objective", "relid").source.package == "facegen"
