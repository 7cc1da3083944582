"""`facegen forget`: remove a person from a collection and its corpus."""

from dataclasses import asdict
from pathlib import Path

import click

from facegen.cli.console import console, error_console, styled, watching
from facegen.core.text.json_text import json_text


@click.command("forget")
@click.argument("person")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print what was removed and what is left as JSON.")
def command(person: str, folder: Path, as_json: bool) -> int:
    """Remove PERSON from the corpus in FOLDER, and from everything that `facegen collect` keeps beside it.

    Afterwards every file there is searched for remaining data of the person. Runs that were trained on the corpus are
    not changed: a network cannot be made to forget a person, so delete them.
    """
    from facegen.collect.forget import forget_person

    with watching() as observer:
        forgotten = forget_person(folder, person, observer)
    if as_json:
        click.echo(json_text(asdict(forgotten), indent=1))
        return 0 if forgotten.is_complete else 1
    removed = ", ".join(f"{count:,} {what}" for what, count in forgotten.removed.items())
    console.print(f"Removed: {removed}", soft_wrap=True)
    left = ", ".join(f"{count:,} {what}" for what, count in forgotten.left.items())
    console.print(f"Left: {left}; {len(forgotten.traces):,} traces in a search of every file", soft_wrap=True)
    for trace in forgotten.traces:
        error_console.print(styled(("Left:", "yellow"), f" {trace}"), soft_wrap=True)
    if forgotten.is_complete:
        advice = "Delete runs that were trained on this corpus: a network cannot be made to forget a person."
        console.print(advice, soft_wrap=True)
    return 0 if forgotten.is_complete else 1
