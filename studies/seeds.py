"""Recipes trained with several seeds and compared figure by figure, to see which differences the seed explains.

    python -m studies seeds --recipes speech_relid speech_relativistic --seeds 0 1 2

Writes the table (seeds.md) and faces of all runs side by side (seeds.webp) into the folder of the runs. The seeds share
corpus, people and judge. docs/results/three_seeds.md discusses an excerpt of the table.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from PIL import Image

from facegen.data.media.generated_media import stored_xmp
from studies.facegen_command import INTERRUPTED, RECIPES, run_facegen


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--recipes", nargs="+", default=["speech_relid", "speech_relativistic"], help="recipe names")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="values of run.seed")
    parser.add_argument("--preset", default="small", help="preset of every recipe")
    parser.add_argument("--out", type=Path, default=Path("runs/seeds"), help="folder of the runs and of the table")
    parser.add_argument("--page", type=Path, help="Markdown page to write instead of OUT/seeds.md")
    parser.add_argument("--set", action="append", default=[], dest="overrides", metavar="TABLE.KEY=VALUE",
                        help="override a recipe key in every run")  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Train, evaluate and compare; return 0 when all of it succeeded."""
    runs = [(recipe, seed) for recipe in options.recipes for seed in options.seeds]
    folders = [options.out / f"seed{seed}" / recipe for recipe, seed in runs]
    # Seed by seed, so that an interrupted study has whole comparisons.
    for (recipe, seed), folder in sorted(zip(runs, folders, strict=True), key=lambda job: job[0][1]):
        settings = [word for text in (f"run.seed={seed}", *options.overrides) for word in ("--set", text)]
        path = str(RECIPES / f"{recipe}.toml")
        print(f"\n== {recipe}, seed {seed}", flush=True)
        code = run_facegen("train", path, "--preset", options.preset, "--out", str(folder), "--resume", *settings)
        if code:
            return INTERRUPTED if code >= INTERRUPTED else 1
    return _compare(folders, options.page or options.out / "seeds.md")


def _compare(folders: list[Path], page: Path) -> int:
    """Evaluate the runs that were trained since their last evaluation, and write the page."""
    picture, page_picture = page.with_suffix(".png"), page.with_suffix(".webp")
    words = ["compare", *map(str, folders), "--format", "markdown", "--picture", str(picture)]
    page.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run([sys.executable, "-m", "facegen", *words], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        return INTERRUPTED if done.returncode >= INTERRUPTED else 1
    text = done.stdout
    if picture.exists():  # Runs that only match draw no faces.
        with Image.open(picture) as opened:
            opened.convert("RGB").save(page_picture, quality=82, xmp=stored_xmp(opened))
        picture.unlink()
        text += f"\n![A column per run: faces under the same conditions]({page_picture.name})\n"
    page.write_text(text)
    print(f"{text}\nPage: {page}")
    return 0
