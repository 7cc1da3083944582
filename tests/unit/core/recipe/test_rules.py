"""Settings without effect are reported."""

import pytest

from facegen.core.errors import RecipeError
from facegen.core.recipe.recipe import check_recipe
from facegen.core.recipe.rules import idle_settings
from facegen.parts.conditioners.one_hot import OneHot

TABLES = {
    "data": {"type": "synthetic"},
    "conditioner": [{"type": "waveform_sincnet"}],
    "generator": {"type": "adain"},
    "discriminator": {"type": "projection"},
    "objective": [{"type": "relid"}],
    "penalty": [{"type": "r1"}],
    "augment": {"type": "diff_augment"},
    "match": {"type": "softmax"},
    "train": {},
}


@pytest.mark.parametrize(
    ("changes", "idle"),
    [
        ({}, []),
        ({"data": {"type": "synthetic", "crop": "fixed"}}, []),
        ({"data": {"type": "synthetic", "crop": "fixed", "pairing": "centred"}}, ["[data] crop = 'fixed'"]),
        ({"match": {"type": "softmax", "start": "a", "freeze_faces": True}}, []),
        ({"match": {"type": "softmax", "run": "a"}}, []),
        ({"match": {"type": "softmax", "run": "a", "start": "b", "freeze_faces": True}},
         ["[match] start", "[match] freeze_faces"]),
        ({"train": None}, ["[generator]", "[objective]", "[penalty]", "[augment]"]),
        ({"train": None, "generator": None, "objective": None, "penalty": None,
          "match": {"type": "softmax", "augment": True}}, []),
        ({"train": None, "generator": None, "objective": None, "penalty": None, "augment": None,
          "judge": {"match": {"type": "softmax"}}, "evaluate": {"judge_start": "a"}},
         ["[judge]", "[evaluate] judge_start"]),
    ],
)  # fmt: skip
def test_settings_without_effect(changes, idle):
    tables = {name: table for name, table in {**TABLES, **changes}.items() if table is not None}
    reports = idle_settings(check_recipe(tables, "a.toml"))
    assert [line.removeprefix("a.toml: ").partition(":")[0] for line in reports] == idle
    assert all(line.endswith(", so this has no effect") for line in reports)


def test_frozen_conditioners_need_weights_of_their_own_or_of_an_earlier_run(monkeypatch):
    tables = {
        "data": {"type": "synthetic"}, "conditioner": {"type": "one_hot"}, "discriminator": {"type": "projection"},
        "match": {"type": "softmax", "freeze_conditioner": True},
    }  # fmt: skip
    with pytest.raises(RecipeError, match=r"freeze_conditioner = true: must be false .*one_hot brings no trained weig"):
        check_recipe(tables, "x.toml")
    monkeypatch.setattr(OneHot, "pretrained", True)
    assert check_recipe(tables, "x.toml").config("matcher").engine.freeze_conditioner
    both = {**tables, "conditioner": [{"type": "one_hot"}, {"type": "mfcc"}]}
    with pytest.raises(RecipeError, match=r"must be false without start, .*: mfcc brings no trained weights"):
        check_recipe(both, "x.toml")
