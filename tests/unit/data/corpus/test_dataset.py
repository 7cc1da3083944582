import json
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from corpus_files import draw_face, make_speech, write_png
from pydantic import BaseModel

from facegen.core.errors import DataError, RecipeError
from facegen.core.recipe.settings import settings_model
from facegen.core.recipe.tables import DataSettings
from facegen.data.corpus.dataset import Packed
from facegen.data.importers.pack import pack_pairs
from facegen.data.loading.splits import UTTERANCES_PER_HELD_OUT, held_out_person, utterance_number

SPLITS = ("train", "heldout_utterances", "heldout_people")


def request(**changes) -> DataSettings:
    return DataSettings(**{"image_pixels": 32, "speech_seconds": 0.05, "num_folds": 4, **changes})


@pytest.fixture
def folder(pairs, tmp_path: Path) -> Path:
    """60 clips of 12 people."""
    cells = {row: {"sex": "fm"[row % 2], "time": "0.02", "caption": f"row {row}"} for row in range(60)}
    pack_pairs(pairs(60, 12, cells), tmp_path / "out", image_pixels=32)
    return tmp_path / "out"


def test_clips_have_names(folder):
    names = Packed(request(), path=folder).clip_names(torch.tensor([3, 0]))
    assert len(names) == 2 and len(set(names)) == 2 and all(names)


def test_spec(folder):
    spec = Packed(request(), path=folder).spec
    people = [f"person {number}" for number in range(12)]
    assert spec.identities == tuple(sorted(name for name in people if not held_out_person(name, 4, 0)))
    assert 0 < spec.num_identities < 12
    assert spec.attributes == {"sex": 2}
    assert (spec.image_pixels, spec.sample_rate_hz, spec.speech_samples, spec.text_dim) == (32, 16000, 800, 0)
    assert spec.caption_characters == 201
    assert spec.columns == {"faces", "identity", "speech", "caption"}


@pytest.mark.parametrize("fold", range(4))
def test_splits_follow_the_hashes(folder, fold):
    packed = Packed(request(fold=fold), path=folder)
    clips = {split: packed.clips(split) for split in SPLITS}
    assert sorted(torch.cat([c.clip for c in clips.values()]).tolist()) == list(range(60))
    for split, rows in clips.items():
        for clip, person, identity in zip(rows.clip.tolist(), rows.person, rows.identity, strict=True):
            name = f"person {clip % 12}"
            unseen = held_out_person(name, 4, fold)
            assert packed.corpus.header.identities[person] == name
            assert unseen == (split == "heldout_people")
            assert identity == (-1 if unseen else packed.spec.identities.index(name))
            if not unseen:
                is_held_out = utterance_number(name, f"speech/{clip}.wav") % UTTERANCES_PER_HELD_OUT == 0
                assert is_held_out == (split == "heldout_utterances")
    train = clips["train"]
    assert train.num_frames.tolist() == [1] * len(train)
    assert train.track_samples.tolist() == [1600 + clip for clip in train.clip.tolist()]
    assert train.attributes["sex"].tolist() == [clip % 2 for clip in train.clip.tolist()]


def test_rows_have_the_requested_order(folder):
    packed = Packed(request(), path=folder)
    clip, zero = torch.tensor([41, 3, 41]), torch.zeros(3, dtype=torch.int64)
    assert np.array_equal(packed.faces(clip, zero), np.stack([draw_face(41), draw_face(3), draw_face(41)]))
    start = torch.tensor([1600, 5, 0])
    speech = packed.speech(clip, start, 60)
    track = make_speech(41, 1641)
    assert np.array_equal(speech[0], np.concatenate([track, track])[1600:1660])
    assert np.array_equal(speech[1], make_speech(3, 1603)[5:65])
    assert packed.frame_samples(clip, zero).tolist() == [320, 320, 320]
    assert packed.captions(clip) == ["row 41", "row 3", "row 41"]
    with pytest.raises(ValueError, match="no text vectors"):
        packed.text(clip)


def test_faces_have_the_requested_size(folder):
    clip = torch.tensor([7, 8])
    halved = Packed(request(image_pixels=16), path=folder).faces(clip, torch.zeros_like(clip)).numpy()
    means = np.stack([draw_face(7), draw_face(8)]).reshape(2, 16, 2, 16, 2, 3).mean(axis=(2, 4))
    assert np.abs(halved - means).max() <= 0.5
    larger = Packed(request(image_pixels=64), path=folder).faces(clip, torch.zeros_like(clip)).numpy()
    assert np.array_equal(larger[1], cv2.resize(draw_face(8), (64, 64), interpolation=cv2.INTER_CUBIC))


def test_another_sample_rate_is_refused(folder):
    with pytest.raises(DataError, match=r"is sampled at 16000 Hz, but \[data\] sample_rate_hz = 8000; set"):
        Packed(request(sample_rate_hz=8000), path=folder)


def test_a_corpus_without_speech_accepts_any_sample_rate(tmp_path):
    write_png(tmp_path / "a.png", draw_face(0))
    (tmp_path / "pairs.csv").write_text("identity,face\nAna,a.png\n")
    pack_pairs(tmp_path / "pairs.csv", tmp_path / "out", image_pixels=32)
    packed = Packed(request(sample_rate_hz=8000), path=tmp_path / "out")
    assert packed.spec.columns == {"faces", "identity"}
    assert packed.spec.speech_samples == 0
    assert sum(len(packed.clips(split)) for split in SPLITS) == 1
    assert all(packed.clips(split).track_samples.sum() == 0 for split in SPLITS)


def test_an_unknown_fold_is_refused(folder):
    with pytest.raises(RecipeError, match=re.escape("[data] fold = 4: must be less than num_folds = 4")):
        Packed(request(fold=4), path=folder)


def test_the_fingerprint_changes_with_content_and_fold(pairs, folder, tmp_path):
    first = Packed(request(), path=folder).fingerprint()
    assert Packed(request(), path=folder).fingerprint() == first
    assert Packed(request(fold=1), path=folder).fingerprint() != first
    pack_pairs(pairs(59, 12), tmp_path / "other", image_pixels=32)
    assert Packed(request(), path=tmp_path / "other").fingerprint() != first


@pytest.mark.parametrize(
    "change", [{"identities": lambda names: [f"{name}!" for name in names]}, {"attributes": lambda _: {"sex": 3}}]
)
def test_the_fingerprint_changes_with_names_and_labels(folder, tmp_path, change):
    shutil.copytree(folder, tmp_path / "copy")
    assert Packed(request(), path=tmp_path / "copy").fingerprint() == Packed(request(), path=folder).fingerprint()
    header = json.loads((tmp_path / "copy" / "corpus.json").read_text())
    changed = {key: renamed(header[key]) for key, renamed in change.items()}
    assert any(header[key] != value for key, value in changed.items())
    (tmp_path / "copy" / "corpus.json").write_text(json.dumps({**header, **changed}))
    assert Packed(request(), path=tmp_path / "copy").fingerprint() != Packed(request(), path=folder).fingerprint()


def test_derived_data_is_beside_the_corpus_or_in_the_cache(folder, monkeypatch, tmp_path):
    assert Packed(request(), path=folder).cache_dir == folder / "derived"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("os.access", lambda path, mode: False)
    packed = Packed(request(), path=folder)
    assert packed.cache_dir.is_relative_to(tmp_path / "cache")
    assert packed.fingerprint().startswith(packed.cache_dir.name)


def test_random_access_opens_no_files(folder):
    packed = Packed(request(), path=folder)
    before = sorted(Path("/proc/self/fd").iterdir()) if Path("/proc/self/fd").exists() else []
    for path in folder.glob("*.safetensors"):
        path.rename(path.with_suffix(".moved"))
    clip = torch.arange(60)
    assert packed.faces(clip, torch.zeros_like(clip)).shape == (60, 32, 32, 3)
    assert packed.speech(clip, clip, 100).shape == (60, 100)
    after = sorted(Path("/proc/self/fd").iterdir()) if before else []
    assert len(after) == len(before)


def test_the_recipe_gives_the_path():
    model = settings_model(Packed)
    assert issubclass(model, BaseModel)
    assert list(model.model_fields) == ["path"]
