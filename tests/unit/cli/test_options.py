"""Lists of values after one option, and the argument behind them."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from facegen.cli.options import ManyValues


@click.command(cls=ManyValues)
@click.argument("run")
@click.option("--speech", multiple=True)
@click.option("--faces", multiple=True)
@click.option("--count", type=int, default=8)
@click.option("--detect", is_flag=True)
def command(run: str, speech: tuple[str, ...], faces: tuple[str, ...], count: int, detect: bool) -> None:
    click.echo(f"{run} {','.join(speech)} {','.join(faces)} {count} {detect}")


@pytest.mark.parametrize("words", [
    "RUN --speech a b --faces x y --count 3", "--speech a b --faces x y RUN --count 3",
    "--speech a b --count 3 RUN --faces x y", "--count 3 --speech a b --faces x y RUN",
    "--speech a --speech b --faces x --faces y --count=3 RUN", "--speech a b --faces x y --count 3 -- RUN",
])  # fmt: skip
def test_the_argument_may_stand_anywhere(words: str) -> None:
    assert CliRunner().invoke(command, words.split()).output == "RUN a,b x,y 3 False\n"


def test_a_flag_ends_a_list() -> None:
    assert CliRunner().invoke(command, ["--speech", "a", "--detect", "RUN"]).output == "RUN a  8 True\n"


def test_an_existing_file_is_not_taken_for_the_argument(tmp_path: Path) -> None:
    sounds = [tmp_path / name for name in ("a.wav", "b.wav")]
    for sound in sounds:
        sound.touch()
    result = CliRunner().invoke(command, ["--speech", *map(str, sounds)])
    assert result.exit_code == 2 and "Missing argument 'RUN'" in result.output
    model = tmp_path / "m.safetensors"
    model.touch()
    assert CliRunner().invoke(command, ["--speech", str(sounds[0]), str(model)]).output.startswith(f"{model} ")


def test_a_single_value_is_never_taken_for_the_argument() -> None:
    assert CliRunner().invoke(command, ["--speech", "a"]).exit_code == 2
