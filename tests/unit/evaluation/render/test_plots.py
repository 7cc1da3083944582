"""Plots as SVG: parsed by another library, in the page's ink."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from facegen.evaluation.render.plots import Points, draw_curves, draw_scatter

SVG = "{http://www.w3.org/2000/svg}"


def texts(path: Path) -> list[str]:
    return ["".join(element.itertext()).strip("\u200b") for element in ElementTree.parse(path).iter(f"{SVG}text")]


def test_names_are_shown_as_they_are(tmp_path: Path) -> None:
    steps = np.arange(5.0)
    names = ["a $formula$", "<b>&", "_hidden"]
    draw_curves({name: (steps, steps * number) for number, name in enumerate(names)}, "1 < 2 & $3", tmp_path / "c.svg")
    shown = texts(tmp_path / "c.svg")
    assert {"a $formula$", "<b>&", "_hidden", "1 < 2 & $3", "step"} <= set(shown)
    content = (tmp_path / "c.svg").read_text()
    assert "currentColor" in content and "prefers-color-scheme:dark" in content and "#7b7c7d" not in content
    assert content.startswith("<svg")


def test_a_value_that_is_none_leaves_a_gap(tmp_path: Path) -> None:
    draw_curves({"loss": (np.arange(3.0), np.array([1.0, np.nan, 3.0]))}, "t", tmp_path / "c.svg")
    draw_curves({"loss": (np.array([7.0]), np.array([1.0]))}, "t", tmp_path / "one.svg")
    assert "loss" in texts(tmp_path / "one.svg")


def test_points_are_pixels_and_the_same_at_every_call(tmp_path: Path) -> None:
    drawn = np.random.default_rng(0)
    points, none = Points("same sex", *drawn.random((2, 1500))), Points("empty", np.empty(0), np.empty(0))
    for name in ("one", "other"):
        draw_scatter([points, none], "faces", "across", "up", tmp_path / name / "d.svg")
    one, other = ((tmp_path / name / "d.svg").read_bytes() for name in ("one", "other"))
    assert one == other
    assert len(one) < 200_000
    assert {"same sex", "across", "up"} <= set(texts(tmp_path / "one" / "d.svg"))
    assert "empty" not in texts(tmp_path / "one" / "d.svg")
