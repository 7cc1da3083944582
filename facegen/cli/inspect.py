"""facegen inspect: what a corpus holds, and what should be looked at before training."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click
from rich.markup import escape
from rich.table import Table

from facegen.cli.console import console, error_console, watching
from facegen.core.errors import DataError
from facegen.core.tables import Split

if TYPE_CHECKING:
    from facegen.data.packed import Packed
    from facegen.data.survey import Survey

SPLIT_NAMES = ("train", "heldout_utterances", "heldout_people")
SHEET_CLIPS = 64
SEX_NAMES = {0: "female", 1: "male", -1: "unknown"}


@click.command("inspect")
@click.argument("corpus", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Draw faces of it as a PNG picture.")
@click.option("--split", type=click.Choice(SPLIT_NAMES), help="Only this split.")
@click.option("--fold", type=click.IntRange(0, 99), default=0, show_default=True, help="Which people are held out.")
@click.option("--num-folds", type=click.IntRange(2, 100), default=10, show_default=True, help="Of how many folds.")
@click.option("--verify", is_flag=True, help="Compare all files with their hashes first.")
@click.option("--json", "as_json", is_flag=True, help="Say it as JSON.")
def command(
    corpus: Path, out: Path | None, split: str | None, fold: int, num_folds: int, verify: bool, as_json: bool
) -> None:
    """Show what a packed CORPUS holds: people, clips, splits, and faces and speech that should be looked at."""
    from facegen.core.tables import DataSettings
    from facegen.data.manifest import read_manifest
    from facegen.data.packed import Packed
    from facegen.data.survey import survey

    manifest = read_manifest(corpus)
    request = DataSettings(
        image_pixels=manifest.image_pixels, sample_rate_hz=manifest.sample_rate_hz, num_folds=num_folds, fold=fold
    )
    packed = Packed(request, path=corpus)
    chosen = cast(Split | None, split)
    with watching() as observer:
        if verify:
            packed.corpus.verify(observer)
        found = survey(packed, chosen, observer)
    if as_json:
        columns = {"columns": list(manifest.columns), "image_pixels": manifest.image_pixels}
        facts = {**columns, "sample_rate_hz": manifest.sample_rate_hz, "provenance": manifest.provenance.model_dump()}
        click.echo(json.dumps({**facts, **found.to_json()}, indent=1))
    else:
        _print(packed, found, split, verify)
    if out is not None:
        _draw(packed, chosen, out)
        error_console.print(f"Faces of it: [cyan]{escape(str(out))}[/]", soft_wrap=True)


def _print(packed: "Packed", found: "Survey", split: str | None, verified: bool) -> None:
    manifest = packed.corpus.manifest
    made = manifest.provenance
    name = str(packed.corpus.folder) + (f", {split}" if split else "")
    origin = f"packed from {made.source} by facegen {made.facegen}"
    matched = "; all files match their hashes" if verified else ""
    console.print(f"[bold]{escape(name)}[/]: {escape(origin)}{matched}", soft_wrap=True)
    facts = Table(show_header=False, box=None, pad_edge=False)
    facts.add_row("people", f"{found.people:,}")
    facts.add_row("clips", f"{found.clips:,}")
    facts.add_row("faces", f"{found.faces:,} of {manifest.image_pixels}x{manifest.image_pixels} pixels")
    if found.tracks:
        length = f"{found.speech_seconds / 3600:.2f} h in {found.tracks:,} tracks"
        mean = f"{found.speech_seconds / found.tracks:.1f} s in the mean"
        facts.add_row("speech", f"{length}, {mean}, {manifest.sample_rate_hz} Hz")
    else:
        facts.add_row("speech", "none")
    facts.add_row("columns", ", ".join(manifest.columns))
    for name, classes in found.attributes.items():
        names = SEX_NAMES if name == "sex" else {}
        facts.add_row(name, ", ".join(f"{count:,} {names.get(label, label)}" for label, count in classes.items()))
    consent = ", ".join(f"{count:,} {text}" for text, count in list(found.consent.items())[:8])
    facts.add_row("consent", escape(consent) or "nothing is said")
    console.print(facts)
    _print_splits(found)
    _print_quality(found)


def _print_splits(found: "Survey") -> None:
    table = Table("split", title="Splits", title_justify="left")
    for column in ("people", "clips", "faces"):
        table.add_column(column, justify="right")
    for name, counts in found.splits.items():
        table.add_row(name, *(f"{counts[column]:,}" for column in ("people", "clips", "faces")))
    console.print(table)


def _print_quality(found: "Survey") -> None:
    quality = found.quality
    table = Table("to look at", title=f"Of {quality.num_clips:,} clips looked at", title_justify="left")
    table.add_column("clips", justify="right")
    table.add_row(f"face out of focus (sharpness {quality.median_sharpness:.3f} in the median)", f"{quality.blurred:,}")
    table.add_row("face shows next to nothing", f"{quality.flat:,}")
    if found.tracks:
        table.add_row("speech shorter than 1 s", f"{quality.short:,}")
        table.add_row("speech nearly silent", f"{quality.quiet:,}")
        table.add_row("speech cut off at full scale", f"{quality.clipped:,}")
    console.print(table)


def _draw(packed: "Packed", split: Split | None, out: Path) -> None:
    import torch

    from facegen.data.pictures import contact_sheet, save_picture
    from facegen.data.survey import spread

    chosen = [packed.clips(split)] if split else [packed.clips(cast(Split, name)) for name in SPLIT_NAMES]
    clip = spread(torch.cat([clips.clip for clips in chosen]).sort().values, SHEET_CLIPS)
    if not len(clip):
        name = f"{packed.corpus.folder}: the split '{split}'"
        raise DataError(f"{name} holds no clips that could be drawn; give another --split or --fold")
    faces = packed.faces(clip, torch.zeros_like(clip)).numpy()
    manifest, index = packed.corpus.manifest, packed.corpus.index
    people = [manifest.identities[number] for number in index.identity[clip].tolist()]
    labels = [f"{name} ({row})" for name, row in zip(people, clip.tolist(), strict=True)]
    scale = max(1, 96 // manifest.image_pixels)
    save_picture(contact_sheet(faces, labels, title=f"{packed.corpus.folder.name}: person (clip)", scale=scale), out)
