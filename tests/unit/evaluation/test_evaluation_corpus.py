"""A corpus seen from a run: its own or a test set, its kind of people, and the notes beside figures."""

from dataclasses import replace
from typing import Any

import pytest

from facegen.core.errors import DataError
from facegen.core.interfaces import Dataset
from facegen.core.recipe.recipe import check_recipe
from facegen.core.recipe.tables import DataSettings
from facegen.data.synthetic.speakers import Synthetic
from facegen.evaluation.evaluation_corpus import EvaluationCorpus

TABLES: dict[str, Any] = {
    "data": {"type": "synthetic"}, "conditioner": {"type": "one_hot"}, "discriminator": {"type": "projection"},
    "match": {"type": "softmax"},
}  # fmt: skip
RECIPE = check_recipe(TABLES, "a.toml")
SYNTHETIC = Synthetic(DataSettings(image_pixels=16))
RECORDED = type("Recorded", (Dataset,), {})(DataSettings(image_pixels=16))
OWN = EvaluationCorpus(RECIPE, RECIPE, RECORDED, RECORDED, is_own=True)
OTHER = replace(OWN, is_own=False)
GONE = replace(OTHER, own=None, own_error="it is not there")
CROSSED = replace(OTHER, own=SYNTHETIC)


def test_the_split_that_is_measured() -> None:
    assert OWN.split(None, "train") == "train"
    assert OWN.split("heldout_people", "train") == "heldout_people"
    assert OTHER.split(None, "train") == OTHER.split("all", "train") == "all"
    with pytest.raises(DataError, match="'synthetic' is not the corpus of the run, so that all of it is a test set"):
        OTHER.split("train", "train")


def test_a_judge_that_must_learn_from_the_test_set_is_asked_about_others() -> None:
    assert GONE.split(None, "train") == "heldout_people"
    assert GONE.split(None, "train", judge_is_run=True) == "all"
    assert "a judge is trained on synthetic" in GONE.notes()[0]
    assert "memorisation is not measured" in GONE.notes(judge_is_run=True)[0]
    assert "a judge is trained" not in GONE.notes(judge_is_run=True)[0]


def test_labels() -> None:
    assert OWN.people("heldout_people") == "people that the run was not trained on"
    assert OTHER.people("all") == "people of another corpus, none of whom the run was trained on"
    shared = replace(OTHER, shared_names=("ada", "ben", "cem", "dan"))
    assert shared.people("all") == "people of another corpus, 4 with names of people that the run was trained on"
    assert "(ada, ben, cem, ...)" in shared.notes()[0]
    assert OTHER.notes() == []


def test_only_a_judge_from_another_domain_is_unfit() -> None:
    assert OTHER.judge_is_unfit(False) == OWN.judge_is_unfit(False) == GONE.judge_is_unfit(False) == ""
    assert CROSSED.judge_is_unfit(False) == "the judge was trained on synthetic speakers, and these are recorded people"
    assert CROSSED.judge_is_unfit(True) == "", "a run that judges itself is what is in question"
    assert "the run was trained on synthetic speakers, and synthetic holds recorded people" in CROSSED.notes()[0]
