"""A dry run executes one step of each stage with a blank batch: what does not fit shows before anything is trained."""

from dataclasses import replace
from pathlib import Path

import pytest

from facegen.core.errors import RecipeError
from facegen.core.interfaces import Objective
from facegen.core.kinds import KINDS
from facegen.core.recipe.recipe import read_recipe
from facegen.core.registry import Part, Source, registry
from facegen.testing import SMALL_DATA
from facegen.training.check.dry_run import dry_run

RECIPE = Path(__file__).parents[4] / "recipes" / "speech_relid.toml"
DATA = replace(SMALL_DATA, image_pixels=48, speech_samples=19200)


def dry_run_of(tmp_path, tables, without=("match", "objective", "penalty")):
    path = tmp_path / "recipe.toml"
    path.write_text(f"extends = '{RECIPE}'\nwithout = {list(without)}\n{tables}")
    return dry_run(read_recipe(path, preset="small"), DATA)


@pytest.mark.parametrize(
    ("tables", "heads"),
    [
        ("[[objective]]\ntype = 'auxiliary_classifier'", {"classify": 7}),
        (
            "[[objective]]\ntype = 'auxiliary_classifier'\nfake_class = false\n"
            "[[objective]]\ntype = 'least_squares'\nhead = 'unconditional'",
            {"classify": 6, "score_unconditional": 1},
        ),
        (
            "[[objective]]\ntype = 'wasserstein'\n[[penalty]]\ntype = 'gradient_penalty'\n"
            "[[penalty]]\ntype = 'r2'\n[augment]\ntype = 'adaptive'",
            {"score": 1},
        ),
    ],
)
def test_games_with_and_without_a_conditional_score(tmp_path, tables, heads):
    networks = dry_run_of(tmp_path, tables)
    declared = {head: width for objective in networks.objectives.values() for head, width in objective.heads.items()}
    assert declared == heads


def test_the_embedding_is_there_where_the_match_stage_learns_one(tmp_path):
    tables = "[[objective]]\ntype = 'reconstruction'\nsource = 'embedding'"
    assert list(dry_run_of(tmp_path, tables, ("objective", "penalty")).objectives) == ["reconstruction"]


@pytest.mark.parametrize(
    ("tables", "named"),
    [
        ("[[objective]]\ntype = 'reconstruction'\nsource = 'embedding'", r"\[objective\] reconstruction"),
        (
            "[[objective]]\ntype = 'auxiliary_classifier'\n[[penalty]]\ntype = 'gradient_penalty'",
            r"\[penalty\] gradient_penalty",
        ),
        ("[[objective]]\ntype = 'auxiliary_classifier'\n[augment]\ntype = 'adaptive'", r"\[augment\]"),
    ],
)
def test_a_head_that_nobody_asks_for(tmp_path, tables, named):
    with pytest.raises(
        RecipeError, match=f"{named} reads a head of the discriminator that no objective and no matcher declares"
    ):
        dry_run_of(tmp_path, tables)


APART = "[conditioner]\ntrained = 'separate'\n"
NOISE = "[condition]\ntype = 'gaussian_noise'\n"
UNCHANGED = ("", "[condition]\ntype = 'identity_classifier'", f"{NOISE}noisy_critic = false")
CHANGED = (NOISE, "[condition]\ntype = 'linear'\nwidth = 3")


@pytest.mark.parametrize("condition", UNCHANGED)
def test_encoders_of_the_discriminators_own_beside_transforms_of_the_generators_condition(tmp_path, condition):
    assert dry_run_of(tmp_path, APART + condition, without=()).discriminator_encoders is not None


@pytest.mark.parametrize("condition", CHANGED)
def test_what_encoders_of_the_discriminators_own_would_pass_by_is_refused(tmp_path, condition):
    with pytest.raises(RecipeError, match=r"trained = 'separate': .* passes no \[condition\], and the recipe"):
        dry_run_of(tmp_path, APART + condition, without=())
    dry_run_of(tmp_path, condition, without=())


def test_scores_reach_no_conditioner_where_the_discriminator_has_its_own(tmp_path):
    trains = "[train]\ncritic_trains_conditioner = true\n"
    with pytest.raises(RecipeError, match=r"'separate': .* remove \[train\] critic_trains_conditioner"):
        dry_run_of(tmp_path, APART + trains, without=())
    dry_run_of(tmp_path, trains, without=())


@pytest.mark.parametrize(
    ("augment", "problem"),
    [
        ("", r"needs an \[augment\] table"),
        ("[augment]\ntype = 'adaptive'", r"\[augment\] type = 'adaptive' is adjusted by diagnostics of the train"),
        ("[augment]\ntype = 'diff_augment'", None),
    ],
)
def test_faces_of_the_match_stage_pass_an_augmentation_that_changes_them(tmp_path, augment, problem):
    tables = f"[match]\naugment = true\n{augment}"
    if problem is None:
        dry_run_of(tmp_path, tables, without=())
    else:
        with pytest.raises(RecipeError, match=rf"\[match\] augment = true: {problem}"):
            dry_run_of(tmp_path, tables, without=())


def test_a_matcher_that_would_learn_nothing_is_refused(tmp_path):
    tables = f"[match]\nfreeze_conditioner = true\nfreeze_faces = true\nstart = '{tmp_path}'\n"
    with pytest.raises(
        RecipeError, match=r"\[match\] freeze_conditioner and freeze_faces: .* no weight is left to train"
    ):
        dry_run_of(tmp_path, tables, without=())


class Rows(Objective):
    """An objective whose term lacks the mean over the rows."""

    def __init__(self, data):
        super().__init__()

    def generator_terms(self, critic):
        return {"fake": -critic.fake}


class Deaf(Objective):
    """An objective whose term has no gradient."""

    def __init__(self, data):
        super().__init__()

    def generator_terms(self, critic):
        return {"fake": -critic.fake.detach().mean()}


class Host(Objective):
    """Reads a value, which no tensor on the meta device has."""

    def __init__(self, data):
        super().__init__()

    def generator_terms(self, critic):
        return {"fake": -critic.fake.mean() * critic.fake.max().item()}


@pytest.mark.parametrize(
    ("objective", "problem"),
    [
        (Rows, r"\[objective\] strange: its term 'fake' has shape \(4,\); a term is a scalar"),
        (Deaf, r"\[train\] generator: no loss depends on a weight that learns \(generator/strange/fake\)"),
        (Host, None),
    ],
)
def test_a_step_shows_what_a_loss_does_wrong(tmp_path, monkeypatch, objective, problem):
    part = Part(KINDS["objective"], "strange", objective, Source("test", "test", "1"))
    monkeypatch.setitem(registry().parts["objective"], "strange", part)
    tables = "[[objective]]\ntype = 'strange'\n"
    if problem is None:
        dry_run_of(tmp_path, tables)
    else:
        with pytest.raises(RecipeError, match=problem):
            dry_run_of(tmp_path, tables)


def test_an_attribute_that_the_corpus_lacks_is_refused_with_those_that_it_has(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(f"extends = '{RECIPE}'\n[data]\nbalance = 'sexx'\n")
    with pytest.raises(RecipeError, match=r"toml: \[data\] balance = 'sexx': .*did you mean 'sex'\? Available: per"):
        dry_run(read_recipe(path, preset="small"), replace(DATA, attributes={"sex": 2}))
