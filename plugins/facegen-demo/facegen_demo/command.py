"""`facegen demo`: serve the page on the loopback, and open it in the browser."""

from pathlib import Path

import click

from facegen.cli.console import console, watching
from facegen.core.errors import CheckpointError

DEFAULT_MODEL = "speech-64"


@click.command("demo")
@click.option(
    "--model", type=click.Path(path_type=Path), metavar="RUN", help="Run folder, model file, or name of a shipped "
    f"model.  [default: {DEFAULT_MODEL}]",
)  # fmt: skip
@click.option(
    "--port", type=click.IntRange(1024, 65535), help="Port on 127.0.0.1.  [default: 8017, or any free one]"
)  # fmt: skip
@click.option("--no-browser", is_flag=True, help="Print the address only.")
def demo(model: Path | None, port: int | None, no_browser: bool) -> None:
    """Open a page that draws faces from your voice, a file or a sentence, on this machine alone.

    The page listens on 127.0.0.1, where other machines cannot reach it, and loads nothing from elsewhere. Recordings
    and pictures are held in memory until the faces are drawn, and never written to a disk.
    """
    from facegen.training.runs.open_run import shipped_models
    from facegen_demo.drawing import DemoModel
    from facegen_demo.serving import listen, serve

    if model is None:
        if DEFAULT_MODEL not in shipped_models():
            raise CheckpointError(
                f"the model {DEFAULT_MODEL} does not ship with this facegen; give one with --model RUN"
            )
        model = Path(DEFAULT_MODEL)
    with watching() as observer:
        drawing = DemoModel.open(model, observer)
    listener = listen(port)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    console.print(f"Model: {drawing.model.name}", soft_wrap=True)
    console.print(f"Page: {address}  (Ctrl-C stops it)", soft_wrap=True)
    serve(drawing, listener, None if no_browser else address)
