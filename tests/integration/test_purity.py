"""What the rules keep of planted strangers, cards and dubbing, and what a review finds of that, at a small size."""

import sys
from pathlib import Path

import pytest

from facegen.collect.plain_features import Plain

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import purity


def test_the_truth_of_a_moment_by_hand():
    scenes = purity.plan(3, "dubbing", 70, stranger=900, other=4)
    assert [(scene.start, scene.end, scene.faces, scene.voice) for scene in scenes] == [
        (0, 10, (3,), 3), (10, 18, (3,), 900), (18, 28, (3,), 3),
    ]
    moments = {5.0: purity.CLEAN, 8.0: purity.CLEAN, 8.5: purity.EDGE, 10.0: "dubbing", 17.9: "dubbing",
               19.9: purity.EDGE, 20.0: purity.CLEAN}  # fmt: skip
    assert {moment: purity.truth_at(scenes, moment) for moment in moments} == moments
    # Another face over one's own voice spoils no neighbour.
    assert purity.truth_at(purity.plan(3, "cutaway", 70, 900, 4), 8.5) == purity.CLEAN


def test_pictures_are_what_they_are_said_to_be():
    (person,) = purity.usable_people(1, 0)
    one, again, other = (purity.picture((person,), 10, moment) for moment in (0, 0, 1))
    assert (one == again).all() and (one != other).any()
    assert not purity.Haar().find(purity.picture((), 5, 0))


@pytest.mark.slow
def test_a_small_set(tmp_path, monkeypatch):
    kinds = ("exchanged", "card", "nothing")
    monkeypatch.setattr(purity, "PLANTED", {kind: purity.PLANTED[kind] for kind in kinds})
    monkeypatch.setattr(purity, "WRONG", kinds[:2])
    truth = purity.write_set(tmp_path, 5, 3)
    words = ["collect", str(tmp_path / "sources.toml"), "--out", str(tmp_path / "corpus"), "--json"]
    assert purity.facegen(words) == 0
    rows = {row.planted: row for row in purity.measure(tmp_path / "corpus", truth, {"plain": Plain()}, 3.5)}
    exchanged, card, right = (
        rows[name] for name in (purity.PLANTED["exchanged"], purity.PLANTED["card"], purity.CLEAN)
    )
    assert card.offered > 0 and card.kept == 0, "the rules know what is no face"
    assert exchanged.kept > 0 and exchanged.listed == exchanged.kept, "they do not know who it is; the review does"
    assert right.kept > 60 and right.listed <= 0.1 * right.kept
    assert sum(row.offered for row in rows.values()) == 28 * len(truth), "a moment each second"
