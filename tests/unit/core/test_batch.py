"""The corpus's shape and one step's rows."""

import json

import torch

from facegen.core.batch import Batch, DataSpec

FULL = DataSpec(
    image_pixels=32,
    sample_rate_hz=8000,
    speech_samples=800,
    text_dim=5,
    caption_characters=7,
    identities=("Änne", "ben"),
    attributes={"sex": 2},
    columns=frozenset({"faces", "identity", "speech", "caption", "text", "sex"}),
)


def test_a_data_spec_survives_json():
    assert DataSpec.from_json(json.loads(json.dumps(FULL.to_json()))) == FULL
    assert FULL.num_identities == 2


def test_keys_of_a_later_version_are_ignored():
    assert DataSpec.from_json({**FULL.to_json(), "frames_per_second": 25}) == FULL


def test_blank_rows_have_every_column_and_mismatch_themselves_never():
    batch = Batch.blank(FULL, 4, num_mismatched=3)
    assert len(batch) == 4
    assert batch.faces.shape == (4, 3, 32, 32) and batch.speech.shape == (4, 800)
    assert batch.caption.shape == (4, 7) and batch.caption.dtype == torch.int64
    assert batch.text.shape == (4, 5) and batch.attributes["sex"].shape == (4,)
    assert batch.identity.tolist() == [0, 1, 0, 1]
    assert batch.mismatched_rows.tolist() == [[1, 2, 3], [2, 3, 0], [3, 0, 1], [0, 1, 2]]


def test_blank_rows_lack_columns_that_the_corpus_lacks_on_any_device():
    batch = Batch.blank(DataSpec(image_pixels=16), 2, device="meta")
    assert batch.speech is None and batch.caption is None and batch.text is None and batch.attributes == {}
    assert batch.faces.device.type == "meta" and batch.mismatched_rows.device.type == "meta"


def test_other_faces_on_the_same_rows():
    batch = Batch.blank(FULL, 2)
    other = batch.with_faces(batch.faces + 1)
    assert other.faces.eq(1).all() and batch.faces.eq(0).all() and other.speech is batch.speech
