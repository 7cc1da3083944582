"""facegen drop: remove the faces that somebody marked on a review list."""

from dataclasses import asdict
from pathlib import Path

import click
from rich.markup import escape

from facegen.cli.console import console, watching
from facegen.core.json_text import json_text


@click.command("drop")
@click.argument("corpus", type=click.Path(path_type=Path))
@click.argument("review_list", metavar="[REVIEW.csv]", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--out", type=click.Path(path_type=Path), help="A new folder for what is left; CORPUS stays as it is.")
@click.option("--restore", is_flag=True, help="Take back all that was dropped from a collection.")
@click.option("--json", "as_json", is_flag=True, help="Say it as JSON.")
def command(corpus: Path, review_list: Path | None, out: Path | None, restore: bool, as_json: bool) -> int:
    """Drop from CORPUS the faces whose row in REVIEW.csv says yes in the column drop.

    The list is what `facegen inspect CORPUS --review DIR` wrote and you marked. Every face is compared with the list
    first, so that no other one is taken for it; all that stays is compared afterwards, bit for bit. A collection
    remembers what was dropped and keeps it beside the corpus; other corpora are changed for good without --out.
    """
    from facegen.collect.review_drop import drop_marked, restore_dropped

    if restore and (review_list is not None or out is not None):
        raise click.UsageError("--restore takes back all that was dropped; it goes with no list, and no --out")
    if review_list is None and not restore:
        raise click.UsageError("give a list that `facegen inspect --review` wrote and you marked")
    if review_list is None:
        number = restore_dropped(corpus)
        if as_json:
            click.echo(json_text({"restored": number}))
        else:
            console.print(f"{number:,} faces are taken back; the next `facegen collect` packs them.", soft_wrap=True)
        return 0
    with watching() as observer:
        dropped = drop_marked(corpus, review_list, out, observer)
    if as_json:
        click.echo(json_text({**asdict(dropped), "folder": str(dropped.folder)}, indent=1))
        return 0 if dropped.same else 1
    console.print(f"Dropped: {dropped.faces:,} faces, {dropped.clips:,} clips, {dropped.people:,} people")
    as_before = "bit for bit as before" if dropped.same else "NOT as before: pack the corpus again"
    left = f"Left in {dropped.folder}: {dropped.left_faces:,} faces in {dropped.left_clips:,} clips, {as_before}"
    console.print(escape(left), soft_wrap=True)
    if dropped.can_be_restored:
        console.print(f"Take them back with: facegen drop {escape(str(corpus))} --restore", soft_wrap=True)
    return 0 if dropped.same else 1
