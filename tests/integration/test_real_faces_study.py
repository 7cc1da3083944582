"""The study of photographs found by drawn faces, on a tiny run whose corpus knows the sexes."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tiny_runs import RECIPES, Facegen, settings
from torch import Tensor

from facegen import Recogniser
from facegen.core.errors import FacegenError
from facegen.core.recipe.recipe import read_recipe
from studies import real_faces
from studies.__main__ import main


class Pixels(Recogniser):
    """Mean colours of the quarters of a face."""

    embeds = frozenset({"faces"})
    num_calls = 0

    def fingerprint(self) -> str:
        return "pixels"

    def embed_faces(self, faces: Tensor) -> Tensor:
        Pixels.num_calls += 1
        pixels = faces.permute(0, 3, 1, 2).float()
        return torch.nn.functional.adaptive_avg_pool2d(pixels, 2).flatten(1)


@pytest.fixture
def tiny_run(facegen: Facegen, tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    words = settings(data__num_heldout_people=40)
    assert facegen("train", "speech_relid", "--preset", "small", *words, "--out", folder) == 0
    return folder


def test_table_holds_all_groups_and_features_are_computed_once(
    tiny_run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(real_faces, "chosen_recognisers", lambda words: {word: Pixels() for word in words})
    words = ["real_faces", str(tiny_run), "--faces", "2", "--shuffles", "50", "--out", str(tiny_run / "out")]
    code = main(words)
    text = (tiny_run / "out" / "real_faces.md").read_text()
    assert text in capsys.readouterr().out
    rows = json.loads((tiny_run / "out" / "real_faces.json").read_text())
    assert {row["group"] for row in rows} == {"all", "same sex", "women", "men"}
    assert {row["num_people"] for row in rows if row["group"] == "all"} == {40}
    recalls = [row for row in rows if row["group"] == "all" and row["measure"] == "R@10"]
    assert [row["chance"] for row in recalls] == [0.25, 0.25]
    assert code == int(not all(row["shuffled"]["p_value"] <= 0.025 for row in recalls))
    num_calls = Pixels.num_calls
    assert num_calls > 0
    assert main(words) == code
    assert Pixels.num_calls == num_calls
    assert (tiny_run / "out" / "real_faces.md").read_text() == text


def test_recogniser_of_the_training_is_refused() -> None:
    recipe = read_recipe(RECIPES / "match_pretrained.toml")
    model: Any = SimpleNamespace(run=SimpleNamespace(recipe=recipe, path=Path("runs/fold-0")))
    with pytest.raises(FacegenError, match=r"runs/fold-0: was trained with the features of 'dlib_faces', .* choose"):
        real_faces.refuse_recogniser_of_training([model], "dlib_faces:find=centre")
    real_faces.refuse_recogniser_of_training([model], "age_gender")


def test_missing_run_is_a_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "nowhere"
    assert main(["real_faces", str(folder)]) == 1
    assert capsys.readouterr().err.startswith(f"Error: {folder}")
