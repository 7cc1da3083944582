"""How many faces and voices of others stay in a collected corpus, and how many of them a review finds.

    python -m studies purity
    python -m studies purity --recogniser dlib_faces:find=centre --recogniser resemblyzer

Videos of synthetic people are written whose truth is known: in the middle of each, something is planted that does not
belong there. `facegen collect` keeps by its rules what it keeps; then the review lists what does not fit. Needs no
network; a few minutes.
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from facegen.cli.main import main as facegen
from facegen.collect.folder import CollectionFolder
from facegen.collect.manifest.manifest import CollectionManifest
from facegen.collect.review.hog_pitch import HOG_PITCH, HogPitch
from facegen.collect.review.outliers import THRESHOLD
from facegen.collect.review.review import review
from facegen.core.interfaces import Recogniser
from facegen.data.corpus.reader import Corpus
from facegen.evaluation.recognition import chosen_recognisers
from facegen.inference.run_recogniser import RunRecogniser
from studies.planted_videos import CLEAN, EDGE, PLANTED, WRONG, Scene, truth_at, write_set


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        planted: what it is about.
        offered: moments that the collector looked at.
        kept: that it kept by its rules.
        listed: of these, on the review list.
    """

    planted: str
    offered: int
    kept: int
    listed: int


def measure(
    folder: Path, truth: dict[str, list[Scene]], recognisers: dict[str, Recogniser], threshold: float
) -> list[Row]:
    """Count what was offered, kept and listed."""
    corpus = Corpus.open(folder)
    listed = {finding.row for finding in review(corpus, recognisers, threshold=threshold).findings if finding.score > 0}
    offered, kept, found = ({name: 0 for name in (*WRONG, EDGE, CLEAN)} for _ in range(3))
    query = (
        "SELECT source, time_seconds, frames.reason FROM frames JOIN videos ON videos.id = frames.video "
        "ORDER BY videos.position, number"
    )
    row = 0
    with CollectionManifest(CollectionFolder(folder).manifest, read_only=True) as manifest:
        for source, moment, reason in manifest.query(query):
            what = truth_at(truth[Path(source).name], moment)
            offered[what] += 1
            if not reason:
                kept[what] += 1
                found[what] += row in listed
                row += 1
    names = {**PLANTED, EDGE: EDGE, CLEAN: CLEAN}
    return [Row(names[what], offered[what], kept[what], found[what]) for what in offered]


def to_markdown(rows: Sequence[Row]) -> Iterator[str]:
    """A table."""
    yield "| what is there | moments | kept by the rules | on the review list |"
    yield "|---|---|---|---|"
    for row in rows:
        share = f" ({row.listed / row.kept:.0%})" if row.kept else ""
        yield f"| {row.planted} | {row.offered:,} | {row.kept:,} | {row.listed:,}{share} |"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--people", type=int, default=12, help="people with videos")
    parser.add_argument("--videos", type=int, default=4, help="of each person")
    parser.add_argument("--recogniser", action="append", default=[], help="NAME or NAME:key=value; plain ones without")
    parser.add_argument("--judge", type=Path, help="a run that compares")
    parser.add_argument("--threshold", type=float, default=THRESHOLD, help="least score of the review list")
    parser.add_argument("--keep", type=Path, help="folder for videos and corpus, used again where it holds them")


def run(arguments: argparse.Namespace) -> int:
    """Write the videos, collect, review and print the table; return the exit code of the collection."""
    recognisers = chosen_recognisers(arguments.recogniser)
    if arguments.judge is not None:
        recognisers["judge"] = RunRecogniser(arguments.judge)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        truth = write_set(folder, arguments.people, arguments.videos)
        code = facegen(["collect", str(folder / "sources.toml"), "--out", str(folder / "corpus"), "--json"])
        if code:
            return code
        rows = measure(folder / "corpus", truth, recognisers or {HOG_PITCH: HogPitch()}, arguments.threshold)
    print("\n".join(to_markdown(rows)))
    return 0
