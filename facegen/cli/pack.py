"""`facegen pack`: pack the user's own files into a corpus."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from facegen.cli.console import console, error_console, styled, watching, when_interrupted
from facegen.cli.detector import frontal_detector
from facegen.core.text.json_text import json_text

if TYPE_CHECKING:
    from facegen.data.importers.pack import PackReport


@click.command("pack")
@click.argument("source", type=click.Path(path_type=Path), nargs=-1)
@click.option(
    "--voxceleb", type=click.Path(path_type=Path), metavar="DIR", help="VoxCeleb's speech; needs faces and --meta."
)
@click.option("--vggface", type=click.Path(path_type=Path), metavar="DIR", help="VGGFace's faces; needs --voxceleb.")
@click.option(
    "--voxceleb-faces", type=click.Path(path_type=Path), metavar="DIR",
    help="VoxCeleb's own faces, beside those of --vggface or in their place; needs --voxceleb.",
)  # fmt: skip
@click.option("--meta", type=click.Path(path_type=Path), metavar="CSV", help="Table that joins both: vox1_meta.csv.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the corpus.")
@click.option("--detect", is_flag=True, help="Detect the face in each image, instead of taking the centre.")
@click.option(
    "--margin",
    type=click.FloatRange(0, 2),
    default=0.25,
    show_default=True,
    help="Margin on each side of a detected face, in widths of the face.",
)
@click.option(
    "--image-pixels",
    type=click.IntRange(16, 1024),
    show_default="128, or that of exported shards",
    help="Side of the stored faces, in pixels.",
)
@click.option(
    "--sample-rate-hz",
    type=click.IntRange(4000, 96000),
    show_default="16000, or that of exported shards",
    help="Sample rate of the stored speech.",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing corpus.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    source: tuple[Path, ...],
    voxceleb: Path | None,
    vggface: Path | None,
    voxceleb_faces: Path | None,
    meta: Path | None,
    out: Path,
    detect: bool,
    margin: float,
    image_pixels: int | None,
    sample_rate_hz: int | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Pack faces and speech of SOURCE into a corpus. SOURCE is one of these:

    \b
    a table       a CSV file with the columns identity and face (an image), and any of:
                  speech (an audio or video file), caption, embedding (a .npy vector), sex,
                  video, time (of the face in its speech, in seconds), consent, source;
                  paths are relative to it
    a folder      one sub-folder per person with images, and speech if there is any
    tar shards    WebDataset shards, one or several, or a folder of them

    Or join VoxCeleb and VGGFace: --voxceleb DIR --vggface DIR --voxceleb-faces DIR --meta vox1_meta.csv, with either
    of the two sources of faces or with both. Rows that cannot be used are
    skipped, and listed in OUT/rejects.csv. Files that have a fault and are used are listed in OUT/warnings.csv.
    """
    from facegen.data.importers.import_source import join_sources, read_source
    from facegen.data.importers.pack import pack

    faces = vggface or voxceleb_faces
    if voxceleb and faces and meta and not source:
        read = join_sources(voxceleb, vggface, meta, voxceleb_faces)
    elif source and not (voxceleb or faces or meta):
        read = read_source(source)
    else:
        raise click.UsageError(
            "SOURCE is missing: give SOURCE, or all of --voxceleb, --vggface (or --voxceleb-faces) and --meta"
        )
    with when_interrupted(lambda: f"{out} is as before; start again with the same command"), watching() as observer:
        report = pack(
            read,
            out,
            image_pixels=image_pixels,
            sample_rate_hz=sample_rate_hz,
            detect=frontal_detector if detect else None,
            margin=margin,
            overwrite=overwrite,
            observer=observer,
        )
    if as_json:
        click.echo(json_text(_as_json(report), indent=1))
    else:
        _print(report)


def _as_json(report: "PackReport") -> dict[str, object]:
    header = report.header
    return {
        "folder": str(report.folder),
        "people": len(header.identities),
        "clips": header.num_clips,
        "faces": header.num_frames,
        "speech_seconds": header.num_samples / header.sample_rate_hz,
        "rows": report.num_rows,
        "rejected": report.reasons,
        "duplicates": len(report.duplicates),
        "warnings": report.warning_reasons,
        "ignored_columns": list(report.ignored_columns),
    }


def _print(report: "PackReport") -> None:
    header, out = report.header, report.folder
    hours = header.num_samples / header.sample_rate_hz / 3600
    size = sum(shard.num_bytes for shard in header.shards) / 2**20
    console.print(
        styled(
            (str(out), "bold"),
            f": {len(header.identities):,} people, {header.num_clips:,} clips, {header.num_frames:,} faces, "
            f"{hours:.2f} h of speech, {size:,.0f} MiB",
        ),
        soft_wrap=True,
    )
    if report.ignored_columns:
        ignored = ", ".join(report.ignored_columns)
        error_console.print(f"Ignored columns: {ignored}", soft_wrap=True)
    if report.rejects:
        table = Table(title=f"{len(report.rejects):,} of {report.num_rows:,} rows were skipped", title_justify="left")
        table.add_column("rows", justify="right")
        table.add_column("reason: the row's ...")
        for reason, count in report.reasons.items():
            table.add_row(f"{count:,}", reason)
        console.print(table)
        console.print(f"Skipped rows with reasons: {out / 'rejects.csv'}", soft_wrap=True)
    if report.warnings:
        faults = "; ".join(f"{count:,} {reason}" for reason, count in report.warning_reasons.items())
        error_console.print(
            styled(("Warning:", "yellow"), f" files with a fault were used: {faults}; see {out / 'warnings.csv'}"),
            soft_wrap=True,
        )
    if report.duplicates:
        others = sum(duplicate.identity != duplicate.earlier_identity for duplicate in report.duplicates)
        error_console.print(
            styled(
                ("Warning:", "yellow"),
                f" {len(report.duplicates):,} rows repeat an earlier face or speech, {others:,} of them for another "
                f"person; see {out / 'duplicates.csv'}",
            ),
            soft_wrap=True,
        )
    console.print(f"Inspect it with: facegen inspect {out}", soft_wrap=True)
