"""Settings with reserved names are refused, for classes and for parts that are not imported."""

import sys
from typing import Any

import pytest

from facegen.core.errors import PluginError
from facegen.core.hookspecs import hookimpl
from facegen.core.interfaces import Conditioner, Penalty
from facegen.core.kinds import KINDS
from facegen.core.recipe.declared_settings import declared_settings, explain_reserved
from facegen.core.recipe.settings import settings_model
from facegen.core.registry import Registry, Source, registry

SOURCE = Source("odd", "odd-package", "1.2")


class Hurried(Penalty):
    def __init__(self, data: Any, *, weight: float = 1.0, every_steps: int = 4) -> None: ...


class Heir(Hurried):
    pass


class Fine(Penalty):
    def __init__(self, data: Any, every_steps: int = 4, *, weight: float = 1.0) -> None: ...


@pytest.fixture
def unimported(tmp_path, monkeypatch):
    """A package whose modules fail when they are imported."""
    folder = tmp_path / "stranger" / "inner"
    folder.mkdir(parents=True)
    for path in (folder.parent / "__init__.py", folder / "__init__.py"):
        path.write_text("raise RuntimeError('imported')")
    (folder / "parts.py").write_text(
        "raise RuntimeError('imported')\n"
        "class Hurried(Penalty):\n    def __init__(self, data, *, weight: float = 1.0, every_steps: int = 4): ...\n"
        "class Fine(Penalty):\n    def __init__(self, data, every_steps, *, weight: float = 1.0): ...\n"
    )
    (folder / "damaged.py").write_text("def (")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    assert not [name for name in sys.modules if name.startswith("stranger")]


@pytest.mark.parametrize(
    ("kind", "setting", "message"),
    [
        ("penalty", "every_steps", "setting 'every_steps' is a key of [penalty] that is reserved for the engine"),
        ("conditioner", "trained", "setting 'trained' is a key of [conditioner] that is reserved for the engine"),
        ("dataset", "image_pixels", "setting 'image_pixels' is a key of [data] that is reserved for the engine"),
        ("matcher", "steps", "setting 'steps' is a key of [match] that is reserved for the engine"),
        ("metric", "type", "setting 'type' is a key of [metric] that is reserved for the engine"),
        ("metric", "name", "setting 'name' is a key of [metric] that is reserved for the engine"),
        ("generator", "copy", "setting 'copy' of [generator] has a name that pydantic reserves"),
        ("generator", "_width", "setting '_width' of [generator] has a name that pydantic reserves"),
        ("generator", "every_steps", ""),
        ("generator", "model_name", ""),
    ],
)
def test_reserved_names(kind, setting, message):
    explained = explain_reserved(KINDS[kind], ["width", setting])
    assert explained.startswith(message) and bool(explained) == bool(message)


def test_names_are_read_from_classes_and_from_sources(unimported):
    assert declared_settings(Hurried) == declared_settings(Heir) == ["weight", "every_steps"]
    assert declared_settings("stranger.inner.parts:Hurried") == ["weight", "every_steps"]
    assert declared_settings(Fine) == declared_settings("stranger.inner.parts:Fine") == ["weight"]


@pytest.mark.parametrize(
    "target",
    ["stranger.inner.parts:Nobody", "stranger.inner.damaged:X", "stranger.inner.gone:X", "gone.x:Y", "sys:Y", int],
)
def test_a_source_that_cannot_be_read_has_no_names(target, unimported):
    assert declared_settings(target) == []


def known_with(**parts: type | str) -> Registry:
    def facegen_penalties() -> dict[str, type | str]:
        return dict(parts)

    known = Registry()
    known.add(SOURCE, type("Plugin", (), {"facegen_penalties": staticmethod(hookimpl(facegen_penalties))}))
    return known


SAID = (
    "plugin 'odd' (package odd-package 1.2) registers penalty 'hurried', whose setting 'every_steps' is a key of "
    "[penalty] that is reserved for the engine; rename the setting"
)


@pytest.mark.parametrize("target", [Hurried, Heir, "stranger.inner.parts:Hurried"])
def test_a_plugin_is_listed_as_broken_and_its_other_parts_work(target, unimported):
    known = known_with(hurried=target, fine=Fine)
    assert [str(broken) for broken in known.broken] == [SAID]
    assert known.find("penalty", "fine").load() is Fine


def test_the_part_is_refused_when_it_is_loaded(monkeypatch):
    with pytest.raises(PluginError) as raised:
        known_with(hurried=Hurried).find("penalty", "hurried").load()
    assert str(raised.value) == SAID
    # Its source says nothing of a constructor that comes from elsewhere.
    module = sys.modules[__name__]
    monkeypatch.setattr(module, "Late", Heir, raising=False)
    late = known_with(hurried=f"{__name__}:Late")
    assert late.broken == []
    with pytest.raises(PluginError, match="'every_steps' is a key of"):
        late.find("penalty", "hurried").load()


def test_no_part_of_facegen_has_such_a_setting():
    for parts in registry().parts.values():
        for part in parts.values():
            assert explain_reserved(part.kind, declared_settings(part.load())) == ""


class Mute(Conditioner):
    def __init__(self, data: Any, *, width=3) -> None: ...  # type: ignore[no-untyped-def]


class Lost(Conditioner):
    def __init__(self, data: Any, *, width: "Nowhere") -> None: ...  # type: ignore[name-defined] # noqa: F821


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (Mute, r"Mute: .*\(setting 'width' has no annotation\)"),
        (Lost, r"Lost: .*\(name 'Nowhere' is not defined\)"),
    ],
)
def test_missing_and_unusable_annotations_are_plugin_errors(part, message):
    with pytest.raises(PluginError, match=message):
        settings_model(part)
