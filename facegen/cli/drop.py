"""`facegen drop`: remove the faces that were marked on a review list."""

from dataclasses import asdict
from pathlib import Path

import click

from facegen.cli.console import console, watching
from facegen.core.text.json_text import json_text


@click.command("drop")
@click.argument("corpus", type=click.Path(path_type=Path))
@click.argument("review_list", metavar="[REVIEW.csv]", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--out", type=click.Path(path_type=Path),
    help="Folder of a new corpus with the remaining faces; CORPUS is not changed.",
)  # fmt: skip
@click.option("--restore", is_flag=True, help="Restore everything that was dropped from a collection.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(corpus: Path, review_list: Path | None, out: Path | None, restore: bool, as_json: bool) -> int:
    """Drop from CORPUS the faces whose row in REVIEW.csv has "yes" in the column drop.

    `facegen inspect CORPUS --review DIR` writes the list; mark its rows first. Every face is compared with the list
    before it is dropped; all remaining data is compared bit for bit afterwards. A collection keeps dropped faces beside
    the corpus, and can restore them; other corpora are changed permanently unless --out is given.
    """
    from facegen.collect.review.drop import drop_marked, restore_dropped

    if restore and (review_list is not None or out is not None):
        raise click.UsageError("--restore takes neither a list nor --out; it restores everything that was dropped")
    if review_list is None and not restore:
        raise click.UsageError("REVIEW.csv is missing: the list of `facegen inspect --review`, with your marks")
    if review_list is None:
        number = restore_dropped(corpus)
        if as_json:
            click.echo(json_text({"restored": number}))
        else:
            console.print(f"{number:,} faces are restored; the next `facegen collect` packs them.", soft_wrap=True)
        return 0
    with watching() as observer:
        dropped = drop_marked(corpus, review_list, out, observer)
    if as_json:
        click.echo(json_text({**asdict(dropped), "folder": str(dropped.folder)}, indent=1))
        return 0 if dropped.same else 1
    console.print(f"Dropped: {dropped.faces:,} faces, {dropped.clips:,} clips, {dropped.people:,} people")
    as_before = "bit for bit as before" if dropped.same else "NOT as before: pack the corpus again"
    left = f"Left in {dropped.folder}: {dropped.left_faces:,} faces in {dropped.left_clips:,} clips, {as_before}"
    console.print(left, soft_wrap=True)
    if dropped.can_be_restored:
        console.print(f"Restore them with: facegen drop {corpus} --restore", soft_wrap=True)
    return 0 if dropped.same else 1
