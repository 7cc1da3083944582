"""`facegen train`."""

from pathlib import Path

import click

from facegen.cli.console import console, watching
from facegen.cli.options import recipe_options
from facegen.core.recipe.recipe import read_recipe
from facegen.core.recipe.run_files import is_run

SIGNAL_EXIT = 128


@click.command("train")
@recipe_options
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Run folder.  [default: runs/<name>, or RECIPE itself if it is a run]",
)
@click.option("--resume", is_flag=True, help="Resume the run in that folder; start it if there is none.")
def command(
    recipe: Path, preset: str | None, overrides: tuple[str, ...], data: Path | None, out: Path | None, resume: bool
) -> int:
    """Train RECIPE: its match stage, then its adversarial stage.

    RECIPE is a TOML file, the name of a shipped recipe (`facegen recipes`), or a run folder, whose own recipe it is.

    Ctrl-C saves a checkpoint and stops. `--resume` continues from it; on a CPU the result is bitwise the same. With
    `--resume`, `--set` may ask for more steps, and for other learning rates, weights of penalties and ends of
    schedules; the run records what was changed, and at which step.
    """
    checked = read_recipe(recipe, preset=preset, overrides=overrides, data=data)
    from facegen.core.interruption import Interruption
    from facegen.training.distributed import Distributed
    from facegen.training.loop import Interrupted
    from facegen.training.train import train

    console.quiet = not Distributed.join(checked.run.device).is_main_process  # only the main process reports
    folder = out or (recipe if is_run(recipe) else Path("runs") / checked.run.name)
    interruption = Interruption()
    try:
        with interruption.listening(), watching() as observer:
            run = train(checked, folder, resume=resume, observer=observer, interruption=interruption)
    except Interrupted as stopped:
        console.print(
            f"Stopped after {stopped.stage} step {stopped.step}; a checkpoint is saved. Resume with --resume."
        )
        return SIGNAL_EXIT + stopped.signal_number
    pictures = sorted((run.path / "samples").glob("*.png"))
    if pictures:
        console.print(f"Faces: {pictures[-1]}", soft_wrap=True)
    console.print(f"Run: {run.path}", soft_wrap=True)
    return 0
