"""Rendered rows are cached, loaded again, and deleted when the cache is too large."""

import os

import pytest
import torch

from facegen.core import cache
from facegen.core.progress import Observer
from facegen.core.recipe.tables import DataSettings
from facegen.data.loading.rows import Rows
from facegen.data.synthetic.speakers import Synthetic

REQUEST = DataSettings(image_pixels=16, speech_seconds=0.1)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


class Watching(Observer):
    def __init__(self):
        self.stages = []

    def start(self, stage, total, done=0):
        self.stages.append(stage)


def rows(seed=0, needs=frozenset({"speech"})):
    observer = Watching()
    world = Synthetic(REQUEST, num_people=3, num_heldout_people=2, clip_seconds=0.2, seed=seed)
    dataset_rows = Rows(world, REQUEST, "train", needs, torch.device("cpu"), observer)
    return dataset_rows.fetch_plain(torch.arange(3)), observer.stages


def test_rows_are_rendered_once():
    first, stages = rows()
    again, none = rows()
    assert stages == ["load train"] and none == []
    assert torch.equal(first.faces, again.faces) and torch.equal(first.speech, again.speech)


def test_another_corpus_or_column_is_rendered_anew():
    rows()
    assert rows(seed=1)[1] == ["load train"]
    assert rows(needs=frozenset())[1] == ["load train"]


def test_a_damaged_file_is_rendered_anew(tmp_path):
    first, _ = rows()
    (file,) = tmp_path.rglob("*.safetensors")
    file.write_bytes(file.read_bytes()[:100])
    again, stages = rows()
    assert stages == ["load train"] and torch.equal(first.faces, again.faces)


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "facegen").write_text("in the way")
    assert rows()[1] == ["load train"]


def test_what_was_used_least_recently_goes_first(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "RENDERED_BYTES", 9_700)
    for age, name in enumerate(("new", "old", "oldest")):
        cache.save_rendered(name, {"faces": torch.zeros(2400, dtype=torch.uint8)})
        os.utime(tmp_path / "facegen" / "rendered" / f"{name}.safetensors", (1e9 - age, 1e9 - age))
    cache.save_rendered("large", {"faces": torch.zeros(5000, dtype=torch.uint8)})
    assert cache.load_rendered("large") is None
    for name in ("a", "b"):
        cache.save_rendered(name, {"faces": torch.zeros(2400, dtype=torch.uint8)})
    kept = {file.stem for file in (tmp_path / "facegen" / "rendered").iterdir()}
    assert kept == {"a", "b", "new"}


def test_without_home_and_passwd_entry_the_cache_is_in_the_temporary_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(cache, "expanduser", lambda path: path)
    monkeypatch.setattr(cache, "gettempdir", lambda: str(tmp_path))
    assert cache.user_cache("a").parents[2] == tmp_path
