"""Planted strangers, title cards and dubbing: how many the selection accepts, and how many a review lists."""

import pytest

from facegen.collect.review.hog_pitch import HOG_PITCH, HogPitch
from studies import planted_videos, purity
from studies.planted_videos import CLEAN, EDGE


def test_truth_of_each_moment_matches_the_plan():
    scenes = planted_videos.plan(3, "dubbing", 70, stranger=900, other=4)
    assert [(scene.start, scene.end, scene.faces, scene.voice) for scene in scenes] == [
        (0, 10, (3,), 3),
        (10, 18, (3,), 900),
        (18, 28, (3,), 3),
    ]
    moments = {5.0: CLEAN, 8.0: CLEAN, 8.5: EDGE, 10.0: "dubbing", 17.9: "dubbing",
               19.9: EDGE, 20.0: CLEAN}  # fmt: skip
    assert {moment: planted_videos.truth_at(scenes, moment) for moment in moments} == moments
    # A fault of the picture alone does not reach the speech windows of its neighbours.
    assert planted_videos.truth_at(planted_videos.plan(3, "cutaway", 70, 900, 4), 8.5) == CLEAN


def test_pictures_show_the_planned_faces():
    (person,) = planted_videos.usable_people(1, 0)
    one, again, other = (planted_videos.picture((person,), 10, moment) for moment in (0, 0, 1))
    assert (one == again).all() and (one != other).any()
    assert not planted_videos.Haar().find(planted_videos.picture((), 5, 0))


@pytest.mark.slow
def test_purity_counts_planted_faults(tmp_path, monkeypatch):
    kinds = ("exchanged", "card", "nothing")
    planted = {kind: planted_videos.PLANTED[kind] for kind in kinds}
    for module in (planted_videos, purity):
        monkeypatch.setattr(module, "PLANTED", planted)
        monkeypatch.setattr(module, "WRONG", kinds[:2])
    truth = planted_videos.write_set(tmp_path, 5, 3)
    words = ["collect", str(tmp_path / "sources.toml"), "--out", str(tmp_path / "corpus"), "--json"]
    assert purity.facegen(words) == 0
    rows = {row.planted: row for row in purity.measure(tmp_path / "corpus", truth, {HOG_PITCH: HogPitch()}, 3.5)}
    exchanged, card, right = (
        rows[name] for name in (planted_videos.PLANTED["exchanged"], planted_videos.PLANTED["card"], CLEAN)
    )
    assert card.offered > 0 and card.kept == 0, "the selection rejects title cards"
    assert exchanged.kept > 0 and exchanged.listed == exchanged.kept, "only the review rejects other people"
    assert right.kept > 60 and right.listed <= 0.1 * right.kept
    offered, seconds = sum(row.offered for row in rows.values()), 28 * len(truth)
    assert 0.9 * seconds < offered <= seconds, "a moment each second, but for long pauses"
