"""`facegen export-shards`: write a packed corpus as WebDataset tar files."""

from dataclasses import asdict
from pathlib import Path
from typing import Literal, cast

import click

from facegen.cli.console import console, styled, watching
from facegen.core.text.json_text import json_text


@click.command("export-shards")
@click.argument("corpus", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the shards.")
@click.option(
    "--speech", type=click.Choice(["flac", "wav"]), default="flac", show_default=True, help="Format of the speech."
)
@click.option(
    "--shard-mib", type=click.IntRange(1, 65536), default=512, show_default=True, help="Maximum MiB of a shard."
)
@click.option("--overwrite", is_flag=True, help="Replace an existing export.")
@click.option("--json", "as_json", is_flag=True, help="Say what was written as JSON.")
def command(corpus: Path, out: Path, speech: str, shard_mib: int, overwrite: bool, as_json: bool) -> None:
    """Write a packed CORPUS as WebDataset tar shards, a sample a clip.

    Faces are PNG, speech is FLAC or WAV, and names, times, consent and the rest are JSON. Nothing is lost:
    `facegen pack` makes the same corpus of them again.
    """
    from facegen.data.importers.export_shards import export_shards

    with watching() as observer:
        done = export_shards(
            corpus,
            out,
            speech=cast(Literal["flac", "wav"], speech),
            shard_bytes=shard_mib << 20,
            overwrite=overwrite,
            observer=observer,
        )
    if as_json:
        shards = [shard.model_dump() for shard in done.shards]
        click.echo(json_text({**asdict(done), "folder": str(done.folder), "shards": shards}, indent=1))
        return
    size = sum(shard.num_bytes for shard in done.shards) / 2**20
    console.print(
        styled(
            (str(out), "bold"),
            f": {done.num_clips:,} clips, {done.num_faces:,} faces, {len(done.shards):,} shards, {size:,.1f} MiB",
        ),
        soft_wrap=True,
    )
    console.print(f"Pack them again with: facegen pack {out} --out CORPUS", soft_wrap=True)
