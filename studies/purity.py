"""Wrong faces and voices in a collected corpus: how many pass the rules, and how many a review lists.

    python -m studies purity
    python -m studies purity --recogniser dlib_faces:find=centre --recogniser resemblyzer

Writes videos of synthetic people, with a known fault planted in the middle of each. `facegen collect` builds a corpus
from them, and the review lists what does not fit. Needs no network and takes a few minutes.
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
from facegen.evaluation.judging.recognition import chosen_recognisers
from facegen.inference.run_recogniser import RunRecogniser
from studies.planted_videos import CLEAN, EDGE, PLANTED, WRONG, Scene, truth_at, write_set


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        planted: the planted fault, in words.
        offered: number of moments that the collection examined.
        kept: number of moments that it kept.
        listed: number of kept moments that are on the review list.
    """

    planted: str
    offered: int
    kept: int
    listed: int


def measure(
    folder: Path, truth: dict[str, list[Scene]], recognisers: dict[str, Recogniser], threshold: float
) -> list[Row]:
    """Count the moments of each kind that were examined, kept and listed."""
    corpus = Corpus.open(folder)
    listed = {finding.row for finding in review(corpus, recognisers, threshold=threshold).findings if finding.score > 0}
    offered, kept, num_listed = ({name: 0 for name in (*WRONG, EDGE, CLEAN)} for _ in range(3))
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
                num_listed[what] += row in listed
                row += 1
    names = {**PLANTED, EDGE: EDGE, CLEAN: CLEAN}
    return [Row(names[what], offered[what], kept[what], num_listed[what]) for what in offered]


def to_markdown(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the lines of a Markdown table."""
    yield "| content | moments | kept by the rules | on the review list |"
    yield "|---|---|---|---|"
    for row in rows:
        share = f" ({row.listed / row.kept:.0%})" if row.kept else ""
        yield f"| {row.planted} | {row.offered:,} | {row.kept:,} | {row.listed:,}{share} |"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--people", type=int, default=12, help="number of people with videos")
    parser.add_argument("--videos", type=int, default=4, help="number of videos per person")
    parser.add_argument(
        "--recogniser",
        action="append",
        default=[],
        help="recogniser to review with, as NAME or NAME:key=value; plain features if none is given",
    )
    parser.add_argument("--judge", type=Path, help="folder of a run whose encoders review as well")
    parser.add_argument(
        "--threshold", type=float, default=THRESHOLD, help="least score that puts a row on the review list"
    )
    parser.add_argument(
        "--keep", type=Path, help="folder that keeps videos and corpus, and supplies those that it holds already"
    )


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
