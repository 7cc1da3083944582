"""`facegen inspect`: show the content of a corpus, and data to check before training."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click
from rich.table import Table

from facegen.cli.console import console, error_console, styled, watching
from facegen.cli.run_summary import show_run
from facegen.core.errors import DataError
from facegen.core.recipe.run_files import is_run
from facegen.core.recipe.tables import Split
from facegen.core.text.json_text import json_text

if TYPE_CHECKING:
    from facegen.collect.review.review import Review
    from facegen.core.interfaces import Recogniser
    from facegen.core.progress import Observer
    from facegen.data.corpus.dataset import Packed
    from facegen.data.corpus.summary import CorpusSummary

SPLIT_NAMES = ("train", "heldout_utterances", "heldout_people")
SHEET_CLIPS = 64
SEX_NAMES = {0: "female", 1: "male", -1: "unknown"}


@click.command("inspect")
@click.argument("corpus", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="PNG file for a sheet of sample faces.")
@click.option("--split", type=click.Choice(SPLIT_NAMES), help="Show one split only.")
@click.option("--fold", type=click.IntRange(0, 99), default=0, show_default=True, help="Index of the held-out fold.")
@click.option(
    "--num-folds", type=click.IntRange(2, 100), default=10, show_default=True, help="Number of cross-validation folds."
)
@click.option("--verify", is_flag=True, help="Compare all files with their hashes first.")
@click.option(
    "--review",
    "review_dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for a review of wrong and repeated faces and voices: a page and a list.",
)
@click.option(
    "--recogniser",
    "recognisers",
    multiple=True,
    metavar="NAME[:KEY=VALUE,...]",
    help="Recogniser for --review, such as dlib_faces; may be repeated.  [default: simple features]",
)
@click.option("--judge", type=click.Path(path_type=Path, file_okay=False), help="Run whose features --review compares.")
@click.option(
    "--threshold",
    type=click.FloatRange(min=0, min_open=True),
    default=3.5,
    show_default=True,
    help="Least outlier score of a listed face, in robust standard deviations.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    corpus: Path,
    out: Path | None,
    split: str | None,
    fold: int,
    num_folds: int,
    verify: bool,
    review_dir: Path | None,
    recognisers: tuple[str, ...],
    judge: Path | None,
    threshold: float,
    as_json: bool,
) -> None:
    """Show the content of a packed CORPUS: people, clips, splits, and faces and speech to check.

    CORPUS may also be a run folder: its steps, the networks that it started from, and settings that were changed.

    With --review, every face and the speech around it are compared with those of the same person and of other people.
    Outliers are listed in review.csv, and shown in review.html beside typical faces of the person. `facegen drop` then
    removes the rows that you marked.
    """
    from facegen.core.recipe.tables import DataSettings
    from facegen.data.corpus.dataset import Packed
    from facegen.data.corpus.header import read_header
    from facegen.data.corpus.summary import summarise

    if is_run(corpus):
        if out is not None or split is not None or verify or review_dir is not None:
            raise click.UsageError(f"{corpus} is a run: --out, --split, --verify and --review need a packed corpus")
        show_run(corpus, as_json=as_json)
        return
    if review_dir is None and (recognisers or judge is not None):
        raise click.UsageError("--recogniser and --judge need --review DIR")
    header = read_header(corpus)
    chosen_recognisers = _recognisers(recognisers, judge) if review_dir is not None else {}
    request = DataSettings(
        image_pixels=header.image_pixels, sample_rate_hz=header.sample_rate_hz, num_folds=num_folds, fold=fold
    )
    packed = Packed(request, path=corpus)
    chosen = cast(Split | None, split)
    with watching() as observer:
        if verify:
            packed.corpus.verify(observer)
        summary = summarise(packed, chosen, observer)
        reviewed = _review(packed, chosen_recognisers, threshold, review_dir, observer) if review_dir else None
    if as_json:
        columns = {"columns": list(header.columns), "image_pixels": header.image_pixels}
        facts = {**columns, "sample_rate_hz": header.sample_rate_hz, "provenance": header.provenance.model_dump()}
        review = {"review": _review_json(reviewed)} if reviewed is not None else {}
        click.echo(json_text({**facts, **summary.to_json(), **review}, indent=1))
    else:
        _print(packed, summary, split, verify)
        if reviewed is not None and review_dir is not None:
            _print_review(reviewed, review_dir)
    if out is not None:
        _draw(packed, chosen, out)
        error_console.print(styled("Faces: ", (str(out), "cyan")), soft_wrap=True)


def _print(packed: "Packed", summary: "CorpusSummary", split: str | None, verified: bool) -> None:
    header = packed.corpus.header
    provenance = header.provenance
    name = str(packed.corpus.folder) + (f", {split}" if split else "")
    origin = f"packed from {provenance.source} by facegen {provenance.facegen}"
    verification = "; all files match their hashes" if verified else ""
    console.print(styled((name, "bold"), f": {origin}{verification}"), soft_wrap=True)
    facts = Table(show_header=False, box=None, pad_edge=False)
    facts.add_row("people", f"{summary.people:,}")
    facts.add_row("clips", f"{summary.clips:,}")
    facts.add_row("faces", f"{summary.faces:,} of {header.image_pixels}x{header.image_pixels} pixels")
    if summary.tracks:
        length = f"{summary.speech_seconds / 3600:.2f} h in {summary.tracks:,} tracks"
        mean = f"mean {summary.speech_seconds / summary.tracks:.1f} s"
        facts.add_row("speech", f"{length}, {mean}, {header.sample_rate_hz} Hz")
    else:
        facts.add_row("speech", "none")
    facts.add_row("columns", ", ".join(header.columns))
    for name, classes in summary.attributes.items():
        names = SEX_NAMES if name == "sex" else {}
        facts.add_row(name, ", ".join(f"{count:,} {names.get(label, label)}" for label, count in classes.items()))
    consent = ", ".join(f"{count:,} {text}" for text, count in list(summary.consent.items())[:8])
    facts.add_row("consent", consent or "not recorded")
    console.print(facts)
    _print_splits(summary)
    _print_quality(summary)


def _print_splits(summary: "CorpusSummary") -> None:
    table = Table("split", title="Splits", title_justify="left")
    for column in ("people", "clips", "faces"):
        table.add_column(column, justify="right")
    for name, counts in summary.splits.items():
        table.add_row(name, *(f"{counts[column]:,}" for column in ("people", "clips", "faces")))
    console.print(table)


def _print_quality(summary: "CorpusSummary") -> None:
    quality = summary.quality
    table = Table("to check", title=f"In {quality.num_clips:,} sampled clips", title_justify="left")
    table.add_column("clips", justify="right")
    table.add_row(f"face out of focus (median sharpness {quality.median_sharpness:.3f})", f"{quality.blurred:,}")
    table.add_row("face almost without contrast", f"{quality.flat:,}")
    if summary.tracks:
        table.add_row("speech shorter than 1 s", f"{quality.short:,}")
        table.add_row("speech nearly silent", f"{quality.quiet:,}")
        table.add_row("speech clipped at full scale", f"{quality.clipped:,}")
    console.print(table)


def _draw(packed: "Packed", split: Split | None, out: Path) -> None:
    import torch

    from facegen.data.corpus.summary import evenly_spaced
    from facegen.data.media.grids import contact_sheet, save_png

    chosen = [packed.clips(split)] if split else [packed.clips(cast(Split, name)) for name in SPLIT_NAMES]
    clip = evenly_spaced(torch.cat([clips.clip for clips in chosen]).sort().values, SHEET_CLIPS)
    if not len(clip):
        name = f"{packed.corpus.folder}: the split '{split}'"
        raise DataError(f"{name} has no clips to draw; give another --split or --fold")
    faces = packed.faces(clip, torch.zeros_like(clip)).numpy()
    header, index = packed.corpus.header, packed.corpus.index
    people = [header.identities[number] for number in index.identity[clip].tolist()]
    labels = [f"{name} ({row})" for name, row in zip(people, clip.tolist(), strict=True)]
    scale = max(1, 96 // header.image_pixels)
    save_png(contact_sheet(faces, labels, title=f"{packed.corpus.folder.name}: person (clip)", scale=scale), out)


def _recognisers(words: tuple[str, ...], judge: Path | None) -> "dict[str, Recogniser]":
    from facegen.collect.review.hog_pitch import HOG_PITCH, HogPitch
    from facegen.evaluation.judging.recognition import chosen_recognisers
    from facegen.inference.run_recogniser import RunRecogniser

    recognisers = chosen_recognisers(words)
    if judge is not None:
        recognisers[judge.name] = RunRecogniser(judge)
    return recognisers or {HOG_PITCH: HogPitch()}


def _review(
    packed: "Packed", recognisers: "dict[str, Recogniser]", threshold: float, folder: Path, observer: "Observer"
) -> "Review":
    from facegen.collect.review.hog_pitch import HOG_PITCH
    from facegen.collect.review.page import PAGE_NAME, write_page
    from facegen.collect.review.review import review
    from facegen.collect.review.review_list import FILE_NAME, write_list

    cache = packed.cache_dir if set(recognisers) != {HOG_PITCH} else None
    reviewed = review(packed.corpus, recognisers, threshold=threshold, cache=cache, observer=observer)
    write_list(reviewed, folder / FILE_NAME)
    write_page(reviewed, folder / PAGE_NAME)
    return reviewed


def _review_json(reviewed: "Review") -> dict[str, object]:
    from facegen.collect.review.review_list import COLUMNS, review_table

    names = reviewed.corpus.header.identities
    return {
        "compared": [f"{features.modality} by {features.name}" for features in reviewed.feature_reviews],
        "threshold": reviewed.threshold,
        "faces": len(reviewed.rows),
        "unjudged": reviewed.unjudged,
        "uneven_people": {names[person]: z for person, z in reviewed.uneven.items()},
        "findings": [dict(zip(COLUMNS, row, strict=True)) for row in review_table(reviewed)],
    }


def _print_review(reviewed: "Review", folder: Path) -> None:
    from facegen.collect.review.page import PAGE_NAME
    from facegen.collect.review.review_list import FILE_NAME

    names = reviewed.corpus.header.identities
    table = Table("person", title=f"Review: {reviewed.method}", title_justify="left")
    for column in ("faces", "outliers", "duplicates"):
        table.add_column(column, justify="right")
    for person, (faces, outliers, duplicates) in reviewed.counts().items():
        if outliers or duplicates or person in reviewed.uneven:
            name = names[person] + (" (uneven)" if person in reviewed.uneven else "")
            table.add_row(name, f"{faces:,}", f"{outliers:,}", f"{duplicates:,}")
    table.add_section()
    table.add_row("all", *(f"{sum(column):,}" for column in zip(*reviewed.counts().values(), strict=True)))
    console.print(table)
    if reviewed.unjudged:
        console.print(f"{reviewed.unjudged:,} faces were not compared: their person has too few others.")
    console.print(styled("Page: ", (str(folder / PAGE_NAME), "cyan")), soft_wrap=True)
    words = f"facegen drop {reviewed.corpus.folder} {folder / FILE_NAME}"
    console.print(f"Mark wrong faces on the page, save the list, then run: {words}", soft_wrap=True)
