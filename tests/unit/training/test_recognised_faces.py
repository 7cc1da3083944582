"""Features of faces by a recogniser, computed once per face and cached."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_training import tiny_recipe

from facegen.core.errors import CheckpointError, RecipeError
from facegen.core.interfaces import Recogniser
from facegen.core.interruption import Interruption
from facegen.core.plugins import OWN_PACKAGE
from facegen.core.progress import Observer
from facegen.core.recipe.recipe import check_recipe
from facegen.core.registry import registry
from facegen.data.loading.rows import Rows
from facegen.inference.load import load_matching
from facegen.training import train
from facegen.training.build import build_networks
from facegen.training.match import match_modules
from facegen.training.recognised_faces import RecognisedFaces, face_features_once
from facegen.training.runs.run import Run


class MeanColour(Recogniser):
    embeds = frozenset({"faces"})
    face_dim = 3

    def __init__(self) -> None:
        self.num_faces = 0

    def fingerprint(self) -> str:
        return "mean colour"

    def embed_faces(self, faces):
        self.num_faces += len(faces)
        features = faces.float().mean(dim=(1, 2))
        features[faces.amax(dim=(1, 2, 3)) == 0] = torch.nan
        return features


class OtherColour(MeanColour):
    def fingerprint(self) -> str:
        return "another version"


@pytest.fixture(autouse=True)
def _cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def rows_of(split="train", frames=3):
    recipe = tiny_recipe(data__frames_per_clip=frames)
    settings = recipe.config("dataset").engine
    return Rows(
        train.open_dataset(recipe), settings, split, frozenset({"identity"}), torch.device("cpu"), Observer()
    )  # fmt: skip


def test_every_frame_is_computed_once_and_looked_up():
    recogniser, rows = MeanColour(), rows_of()
    features = face_features_once(rows, RecognisedFaces("colour", recogniser), Observer())
    assert recogniser.num_faces == 24
    chosen, frame = torch.tensor([5, 0, 7]), torch.tensor([2, 1, 0])
    clip = rows.clips.clip[chosen]
    expected = rows.dataset.faces(clip, frame).float().mean(dim=(1, 2))
    torch.testing.assert_close(features.of(clip, frame), expected)


def test_second_run_on_the_corpus_reads_the_cache_and_computes_only_new_faces():
    face_features_once(rows_of(), RecognisedFaces("colour", MeanColour()), Observer())
    again, others = MeanColour(), MeanColour()
    face_features_once(rows_of(), RecognisedFaces("colour", again), Observer())
    assert again.num_faces == 0
    held_out = rows_of("heldout_people")
    features = face_features_once(held_out, RecognisedFaces("colour", others), Observer())
    assert others.num_faces == 6
    clip, frame = held_out.clips.clip, torch.ones(2, dtype=torch.int64)
    expected = held_out.dataset.faces(clip, frame).float().mean(dim=(1, 2))
    torch.testing.assert_close(features.of(clip, frame), expected)
    other_weights = OtherColour()
    face_features_once(rows_of(), RecognisedFaces("colour", other_weights), Observer())
    assert other_weights.num_faces == 24


def test_face_that_is_not_found_has_no_features():
    faces = RecognisedFaces("colour", MeanColour())
    both = torch.stack([-torch.ones(3, 4, 4), torch.ones(3, 4, 4)])
    assert faces.embed(faces.features(both)).tolist() == [[0.0] * 3, [255.0] * 3]


def test_run_holds_the_hash_of_the_recogniser_and_refuses_another():
    state = RecognisedFaces("colour", MeanColour()).state_dict()
    assert list(state) == ["_extra_state"]
    RecognisedFaces("colour", MeanColour()).load_state_dict(state)
    with pytest.raises(CheckpointError, match="'colour' with other weights"):
        RecognisedFaces("colour", OtherColour()).load_state_dict(state)


def test_recogniser_without_features_of_faces_is_refused():
    with pytest.raises(RecipeError, match="'deaf': its features of faces cannot be matched"):
        RecognisedFaces("deaf", Recogniser())


@pytest.fixture
def recipe(monkeypatch):
    part = next(iter(registry().parts["recogniser"].values()))
    assert part.source.package == OWN_PACKAGE
    load = type(part).load
    monkeypatch.setattr(type(part), "load", lambda self: _colour_or(self, load))
    tables = dict(tiny_recipe().tables)
    tables.pop("discriminator")
    tables["match"] = {
        "type": "projection_heads", "steps": 4, "batch_size": 4, "checkpoint_steps": 2, "width": 2,
        "faces": {"type": "dlib_faces"},
    }  # fmt: skip
    return check_recipe(tables, "tiny.toml")


def _colour_or(part, load):
    return MeanColour if (part.kind.name, part.name) == ("recogniser", "dlib_faces") else load(part)


def test_match_stage_trains_without_a_discriminator_and_is_loaded(tmp_path: Path, recipe) -> None:
    train.train(recipe, tmp_path / "run", resume=False, observer=Observer(), interruption=Interruption())
    run = Run.open(tmp_path / "run")
    assert run.is_matched
    stored = load_file(run.match_folder / "recognised_faces.safetensors")
    assert {name: tuple(value.shape) for name, value in stored.items()} == {"_extra_state": (32,)}
    networks = load_matching(run, torch.device("cpu"))
    assert set(match_modules(networks)) == {"encoders", "recognised_faces", "matcher"}
    assert networks.matcher.speech_head.num_batches == 4


def test_problems_of_the_recogniser_name_its_table(recipe) -> None:
    tables = dict(recipe.tables)
    for faces, problem in (
        ({"type": "dlib_face"}, r"\[match\.faces\] type = 'dlib_face'.*did you mean 'dlib_faces'"),
        ({}, r"\[match\.faces\] type = None: must be the name of a recogniser"),
        ({"type": "dlib_faces", "size": 3}, r"\[match\.faces\] size"),
    ):
        with pytest.raises(RecipeError, match=problem):
            check_recipe({**tables, "match": {**tables["match"], "faces": faces}}, "tiny.toml")


def test_recognised_faces_need_no_head_of_a_discriminator(recipe) -> None:
    networks = build_networks(recipe, train.open_dataset(recipe).spec)
    assert networks.discriminator is None and networks.heads == {}
    assert networks.match_faces is networks.recognised_faces
