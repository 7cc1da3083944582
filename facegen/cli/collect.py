"""`facegen collect`: build a packed corpus from a list of channels and videos."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from facegen.cli.console import console, error_console, styled, watching
from facegen.core.text.json_text import json_text

if TYPE_CHECKING:
    from facegen.collect.status import CollectionStats, Problem, Status

SIGNAL_EXIT = 128


@click.command("collect")
@click.argument("sources", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the corpus.")
@click.option("--status", is_flag=True, help="Print the collection's status and exit.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--set", "overrides", multiple=True, metavar="TABLE.KEY=VALUE", help="Override one key; may be repeated.")
@click.option("--faithful", is_flag=True, help="Accept clips by the thesis' rule only, without further checks.")
@click.option("--keep-videos", is_flag=True, help="Keep downloaded videos.")
@click.option("--keep-frames", is_flag=True, help="Keep the full frame of each accepted face.")
@click.option("--require-consent", is_flag=True, help="Refuse people without recorded consent.")
@click.option("--redo", is_flag=True, help="Examine all videos again if settings have changed.")
@click.option("--retry", is_flag=True, help="Retry videos that failed.")
def command(
    sources: Path, out: Path, status: bool, as_json: bool, overrides: tuple[str, ...], faithful: bool,
    keep_videos: bool, keep_frames: bool, require_consent: bool, redo: bool, retry: bool,
) -> int:  # fmt: skip
    """Collect faces and speech from SOURCES into a packed corpus.

    SOURCES is a TOML file with a table [[person]] for each person: name, channel or videos (URLs or files), last,
    consent, licence, sex, language; or a CSV table with these columns; or a CSV of segments: video, start, end, x, y.

    Ctrl-C stops the collection; the same command continues it. A video that fails is recorded with its reason, and the
    others go on.
    """
    from facegen.collect.status import read_status

    if status:
        _print_status(read_status(out), as_json)
        return 0
    from facegen.collect.pipeline import Stopped, collect
    from facegen.collect.request import read_request
    from facegen.collect.run import CollectOptions
    from facegen.core.interruption import Interruption

    listed, settings = read_request(sources, overrides, faithful=faithful, require_consent=require_consent)
    options = CollectOptions(keep_videos, keep_frames, require_consent, redo, retry)
    interruption = Interruption()
    try:
        with interruption.listening(), watching() as observer:
            packed = collect(listed, settings, out, options, observer, interruption)
    except Stopped as stopped:
        left = f"{stopped.waiting:,} videos are left" if stopped.waiting else "the corpus remains to be packed"
        error_console.print(f"Stopped; {left}. Run the same command again to continue.", soft_wrap=True)
        return SIGNAL_EXIT + stopped.signal_number
    _print_status(read_status(out), as_json)
    if not as_json:
        unchanged = "" if packed.was_packed else ", unchanged"
        rows = f"{packed.header.num_clips:,} clips with {packed.header.num_frames:,} faces"
        console.print(styled("Corpus: ", (str(out), "bold"), f", {rows}{unchanged}"), soft_wrap=True)
        console.print(f"Inspect it with: facegen inspect {out}", soft_wrap=True)
    return 0


def _print_status(status: "Status", as_json: bool) -> None:
    if as_json:
        click.echo(json_text(status.to_json(), indent=1))
        return
    window = status.settings.get("speech", {}).get("window_seconds")
    per_face = f"{window:g} s x faces" if window else "s x faces"
    table = Table("person", "sex", title=f"Collected in {status.folder}", title_justify="left")
    for column in ("videos", "done", "left", "frames", "faces", per_face, "unique s"):
        table.add_column(column, justify="right")
    for person in status.people:
        table.add_row(person.name, person.sex, *_cells(person))
    table.add_section()
    for group in status.groups:
        table.add_row(f"{group.name} ({group.people:,})", "", *_cells(group))
    console.print(table)
    _print_reasons(status)


def _cells(row: "CollectionStats") -> list[str]:
    counts = (row.videos, row.done, row.waiting, row.frames, row.faces)
    return [*(f"{count:,}" for count in counts), f"{row.faces_seconds:,.0f}", f"{row.unique_seconds:,.1f}"]


def _print_reasons(status: "Status") -> None:
    if status.frames_rejected:
        table = Table("frames rejected", title_justify="left")
        table.add_column("frames", justify="right")
        for reason, count in status.frames_rejected.items():
            table.add_row(reason, f"{count:,}")
        console.print(table)
    if status.videos_with_faults:
        table = Table("videos with faults that were used", "faults")
        for source, faults in status.videos_with_faults.items():
            table.add_row(source, faults)
        console.print(table)
    for name, problems in (("videos", status.videos_rejected), ("channels", status.channels_rejected)):
        if problems:
            console.print(_problem_table(name, problems))


def _problem_table(name: str, problems: "tuple[Problem, ...]") -> Table:
    table = Table(f"{name} without clips")
    table.add_column(name, justify="right")
    table.add_column("remedy")
    table.add_column("example")
    for problem in problems:
        table.add_row(problem.reason, f"{problem.count:,}", problem.advice, problem.example)
    return table
