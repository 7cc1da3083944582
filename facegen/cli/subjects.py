"""Options that say who is drawn, shared by the commands that draw."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facegen.cli.detector import frontal_detector
from facegen.cli.options import ManyValues

if TYPE_CHECKING:
    from facegen.inference.sample import Subject


class SubjectCommand(ManyValues):
    """Command with `subject_options`, whose function gets `subjects` in the place of their values."""

    def invoke(self, ctx: click.Context) -> Any:
        given = (ctx.params.pop(name) for name in ("speech", "name", "text", "face", "detect"))
        ctx.params["subjects"] = subjects_from_options(*given)
        return super().invoke(ctx)


def subject_options(number: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add --speech, --name, --text, --face and --detect to a `SubjectCommand`.

    Args:
        number: end of their help texts: the number of people that they may name.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        file = click.Path(path_type=Path, dir_okay=False)
        image = "Image of a person, cropped like the training faces, for a model that reads one beside the speech"
        decorators = (
            click.option("--speech", multiple=True, type=file, help=f"Audio or video file with speech; {number}."),
            click.option("--name", multiple=True, help=f"Name of a person that the run was trained on; {number}."),
            click.option("--text", multiple=True, help=f"Sentence that describes a person; {number}."),
            click.option("--face", multiple=True, type=file, help=f"{image}; {number}."),
            click.option("--detect", is_flag=True, help="Detect and crop the face in each --face first."),
        )
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


def subjects_from_options(
    speech: tuple[Path, ...], name: tuple[str, ...], text: tuple[str, ...], face: tuple[Path, ...], detect: bool
) -> "list[Subject]":
    """Return one subject per person from the options; an option with one value applies to all of them.

    Raises:
        click.UsageError: options with several values have different numbers of them.
    """
    from facegen.inference.sample import Subject

    if detect and not face:
        raise click.UsageError("--detect crops the images of --face; give one, or omit --detect")
    given = [values for values in (speech, name, text, face) if values]
    num = max((len(values) for values in given), default=0)
    if any(len(values) not in (1, num) for values in given):
        raise click.UsageError(
            "--speech, --name, --text and --face must have the same number of values, or one value for all"
        )

    def pick(values: tuple[str, ...] | tuple[Path, ...], row: int) -> "str | Path | None":
        return values[row if len(values) > 1 else 0] if values else None

    subjects = []
    for row in range(num):
        path, person, sentence, image = (pick(values, row) for values in (speech, name, text, face))
        file = path or (None if person or sentence else image)
        subjects.append(Subject(
            Path(file).stem if file is not None else str(person or sentence),
            Path(path) if path is not None else None, None if person is None else str(person),
            None if sentence is None else str(sentence), face=None if image is None else Path(image),
            detect=frontal_detector if detect else None,
        ))  # fmt: skip
    return subjects
