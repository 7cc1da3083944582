"""The notebook of the documentation runs from top to bottom."""

import json
import warnings
from pathlib import Path

import pytest
from tiny_runs import REPOSITORY


def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "recipes").symlink_to(REPOSITORY / "recipes")
    monkeypatch.chdir(tmp_path)
    notebook = json.loads((REPOSITORY / "docs" / "python.ipynb").read_text(encoding="utf-8"))
    names: dict[str, object] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # so short a training is not expected to go well
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                exec("".join(cell["source"]), names)
    probabilities = names["probabilities"]
    assert getattr(probabilities, "shape", None) == (1, 4)
    assert sum(probabilities[0]) == pytest.approx(1, abs=1e-5)  # type: ignore[index]
