"""Splits of a corpus by hashes: stable when the corpus grows, and the same in every process.

People of the held-out fold are never trained on. Of the remaining people, about one utterance (video or clip) in ten is
held out, to test known names and voices.
"""

import hashlib
import unicodedata

import torch
from torch import Tensor

from facegen.core.recipe.tables import Split
from facegen.core.text.names import normalise_name

UTTERANCES_PER_HELD_OUT = 10


def held_out_person(name: str, num_folds: int, fold: int) -> bool:
    """Check whether a person belongs to the held-out fold."""
    return _number(_normal(name)) % num_folds == fold


def utterance_number(identity: str, utterance: str) -> int:
    """Hash a video or clip of a person to a number below 2^63, for `held_out_utterances`."""
    return _number(f"{_normal(identity)}\0{unicodedata.normalize('NFC', utterance)}")


def held_out_utterances(person: Tensor, utterance: Tensor) -> Tensor:
    """Select the held-out utterances of a corpus: about one in ten, but never all utterances of a person.

    If all utterances of a person would be held out, the one with the smallest number is used for training.

    Args:
        person: (N,) number of the person of each row, counted from 0.
        utterance: (N,) `utterance_number` of each row; clips of one utterance are held out together.
    Returns:
        (N,) bool, True for held-out rows.
    """
    held_out = utterance % UTTERANCES_PER_HELD_OUT == 0
    num_people = int(person.max()) + 1 if len(person) else 0
    can_train = torch.zeros(num_people, dtype=torch.bool)
    can_train[person[~held_out]] = True
    first = torch.full((num_people,), torch.iinfo(torch.int64).max)
    first.scatter_reduce_(0, person, utterance, "amin")
    return held_out & (can_train[person] | (utterance != first[person]))


def rows_of_split(split: Split, person: Tensor, utterance: Tensor, person_is_held_out: Tensor) -> Tensor:
    """Select the rows of a split, in order.

    Args:
        split: name of the split.
        person, utterance: (N,) as for `held_out_utterances`.
        person_is_held_out: (people,) bool.
    Returns:
        (rows,) int64
    """
    unseen = person_is_held_out[person]
    if split == "heldout_people":
        return unseen.nonzero()[:, 0]
    held_out = held_out_utterances(person, utterance)
    return (~unseen & (held_out if split == "heldout_utterances" else ~held_out)).nonzero()[:, 0]


def _normal(name: str) -> str:
    """Normalise a name, so that its Unicode forms are one person; ASCII names keep even their outer spaces."""
    return name if name.isascii() else normalise_name(name)


def _number(text: str) -> int:
    # A file name that is not valid UTF-8 reaches Python as surrogates, which strict encoding refuses.
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") >> 1
