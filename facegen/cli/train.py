"""`facegen train`."""

from pathlib import Path

import click

from facegen.cli.console import console, watching, when_interrupted
from facegen.cli.options import recipe_options
from facegen.core.recipe.recipe import read_recipe
from facegen.core.recipe.run_files import is_run

SIGNAL_EXIT = 128
_STOPPING = "Stopping after this step, with a checkpoint. A second Ctrl-C stops at once, without one."


@click.command("train")
@recipe_options
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Run folder.  [default: runs/<name>, or RECIPE itself if it is a run]",
)
@click.option("--resume", is_flag=True, help="Resume the run in that folder; start it if there is none.")
@click.option("--yes", is_flag=True, help="Do not ask before a training of more than six hours.")
def command(
    recipe: Path,
    preset: str | None,
    overrides: tuple[str, ...],
    data: Path | None,
    out: Path | None,
    resume: bool,
    yes: bool,
) -> int:
    """Train RECIPE: its match stage, then its adversarial stage.

    RECIPE is a TOML file, the name of a shipped recipe (`facegen recipes`), or a run folder, whose own recipe it is.

    Before the first step, time and memory are estimated. A training of more than six hours is asked about on a
    terminal; elsewhere it begins with a warning.

    Ctrl-C saves a checkpoint and stops. `--resume` continues from it; on a CPU the result is bitwise the same. With
    `--resume`, `--set` may ask for more steps, and for other learning rates, weights of penalties and ends of
    schedules; the run records what was changed, and at which step.
    """
    checked = read_recipe(recipe, preset=preset, overrides=overrides, data=data)
    from facegen.cli.training_forecast import announce
    from facegen.core.interruption import Interruption
    from facegen.training.loop import Interrupted
    from facegen.training.train import prepare_training

    folder = out or (recipe if is_run(recipe) else Path("runs") / checked.run.name)
    prepared = prepare_training(checked, folder)
    console.quiet = not prepared.distributed.is_main_process  # only the main process reports
    begins = prepared.distributed.is_main_process and (resume or not is_run(folder))  # otherwise it is refused
    forecast = prepared.forecast() if begins else None
    ask = not (yes or is_run(folder)) and prepared.distributed.size == 1
    if forecast is not None and not announce(forecast, recipe, preset, ask=ask):
        console.print("Nothing was started.")
        return 1
    interruption = Interruption()
    try:
        kept = f"{folder} has the newest checkpoint, if there is one; go on with --resume"
        with (
            when_interrupted(lambda: kept),
            watching() as observer,
            interruption.listening(lambda: observer.say(_STOPPING)),
        ):
            run = prepared.train(resume=resume, observer=observer, interruption=interruption)
    except Interrupted as stopped:
        place = f"after {stopped.stage} step {stopped.step}; a checkpoint is saved"
        place = place if stopped.step else f"before the first step of {stopped.stage}; nothing is lost"
        console.print(f"Stopped {place}. Resume with --resume.")
        return SIGNAL_EXIT + stopped.signal_number
    pictures = sorted((run.path / "samples").glob("*.png"))
    if pictures:
        console.print(f"Faces: {pictures[-1]}", soft_wrap=True)
    console.print(f"Run: {run.path}", soft_wrap=True)
    if (run.path / "events").exists():
        console.print(f"Curves: tensorboard --logdir {run.path / 'events'}", soft_wrap=True)
    return 0
