"""Boxes, licence and language: columns that older corpora do not have."""

import numpy as np
import pytest
import torch
from corpus_files import draw_face, make_speech
from safetensors.numpy import load_file, save_file

from facegen.core.errors import DataError
from facegen.data.corpus.header import Provenance
from facegen.data.corpus.reader import Corpus
from facegen.data.corpus.writer import ClipRecord, CorpusWriter


def write(folder, boxes, **known):
    made = Provenance(importer="test", source="nothing", facegen="0", settings={})
    with CorpusWriter(folder, image_pixels=16, sample_rate_hz=16000, attribute_classes={}, provenance=made) as writer:
        for clip, box in enumerate(boxes):
            track = writer.add_track(make_speech(clip, 500))
            record = ClipRecord("Ana", f"v{clip}", f"{clip}.mp4", track, **known)
            writer.add_clip(record, np.stack([draw_face(clip, 16)] * 2), [0, 100], box)
        return writer.finish()


def test_boxes_licence_and_language_come_back(tmp_path):
    boxes = np.array([[-3, 20, 96], [2**31, 0, 1]])
    write(tmp_path / "c", [boxes, None], licence="CC BY 4.0", language="ca")
    index = Corpus.open(tmp_path / "c").index
    assert index.frame_boxes.tolist() == [[-3, 20, 96], [2**31, 0, 1], [0, 0, 0], [0, 0, 0]]
    assert index.strings["licence"].at(torch.tensor([0, 1])) == ["CC BY 4.0"] * 2
    assert index.strings["language"].at(torch.tensor([1])) == ["ca"]


def test_a_corpus_without_boxes_has_no_such_column(tmp_path):
    write(tmp_path / "c", [None, None])
    assert Corpus.open(tmp_path / "c").index.frame_boxes is None
    assert "frame_boxes" not in load_file(tmp_path / "c" / "index.safetensors")


def test_boxes_of_another_number_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"2 faces with boxes of shape \(1, 3\)"):
        write(tmp_path / "c", [np.ones((1, 3), np.int64)])


def test_a_box_of_negative_side_is_refused(tmp_path):
    write(tmp_path / "c", [np.ones((2, 3), np.int64)])
    path = tmp_path / "c" / "index.safetensors"
    columns = load_file(path)
    columns["frame_boxes"][1, 2] = -1
    save_file(columns, path)
    with pytest.raises(DataError, match="'frame_boxes' holds a negative side; pack the corpus again"):
        Corpus.open(tmp_path / "c")
