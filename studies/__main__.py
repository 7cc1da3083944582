"""Re-run the papers' findings on synthetic speakers, and check the measures and the collection against known truth.

Finished work is not repeated: call an interrupted study again to continue it.
"""

import argparse
import importlib
import sys
from collections.abc import Mapping, Sequence

from facegen.core.errors import FacegenError

STUDIES: Mapping[str, str] = {
    "models": "train and export the models that ship with facegen",
    "quality": "measure the faces of a run against the length of its training",
    "real_voices": "measure the faces that a run draws for real recordings",
    "voice_transfer": "measure how well synthetic voices stand for real ones in an encoding",
    "real_faces": "measure whether faces drawn for real voices find the photographs of their speakers",
    "reproduce": "train and evaluate the small preset of every recipe; write the page of results",
    "findings": "set the papers' findings against the runs of `reproduce`",
    "factors": "show which hidden factors of a run's faces follow the voice and which the noise",
    "seeds": "train recipes with several seeds and compare them",
    "corpus_size": "measure matching against the number of people trained on",
    "stand_ins": "measure generators with known faults; write their page",
    "reader": "measure how well synthetic voices and faces can be matched at all",
    "purity": "count wrong faces and voices in a collected corpus, and those that the review lists",
}
"""{module of this package: help text}. A module has `add_options(parser)` and `run(options) -> exit code`."""


def main(words: Sequence[str]) -> int:
    """Run one study; return its exit code."""
    parser = argparse.ArgumentParser("python -m studies", description=__doc__, formatter_class=_Formatter)
    subparsers = parser.add_subparsers(metavar="STUDY", required=True)
    chosen = next((word for word in words if not word.startswith("-")), None)
    for name, summary in STUDIES.items():
        subparser = subparsers.add_parser(name, help=summary, formatter_class=_Formatter)
        if name == chosen:  # Studies import torch: only the one that is asked for.
            study = importlib.import_module(f"studies.{name}")
            subparser.description = study.__doc__
            study.add_options(subparser)
            subparser.set_defaults(run=study.run)
    options = parser.parse_args(words)
    try:
        return options.run(options)
    except FacegenError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1


class _Formatter(argparse.RawDescriptionHelpFormatter, argparse.ArgumentDefaultsHelpFormatter):
    """Descriptions as they are written, and the default of each option."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
