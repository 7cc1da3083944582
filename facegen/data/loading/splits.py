"""Who and what is held out, decided by hashes: stable when a corpus grows, and the same in every process.

Two things are held out. People, by fold: nobody trains on them. And, of the people who remain, about one video (or
clip) in ten: what a known name or voice is tested on.
"""

import hashlib
import unicodedata

import torch
from torch import Tensor

from facegen.core.recipe.tables import Split
from facegen.core.text.names import normalise_name

UTTERANCES_PER_HELD_OUT = 10


def held_out_person(name: str, num_folds: int, fold: int) -> bool:
    """Whether a person belongs to the fold that is held out."""
    return _number(_normal(name)) % num_folds == fold


def utterance_number(identity: str, utterance: str) -> int:
    """A stable number for a video or clip of a person, below 2^63; what `held_out_utterances` reads."""
    return _number(f"{_normal(identity)}\0{unicodedata.normalize('NFC', utterance)}")


def held_out_utterance(identity: str, utterance: str) -> bool:
    """Whether a video or clip is held out, as long as others of the same person are not: about one in ten."""
    return utterance_number(identity, utterance) % UTTERANCES_PER_HELD_OUT == 0


def held_out_utterances(person: Tensor, utterance: Tensor) -> Tensor:
    """The rule for whole corpora: never all that there is of a person.

    Somebody who would have nothing left to train on keeps the utterance of the smallest number.

    Args:
        person: (N,) whose clip a row is, counted from 0.
        utterance: (N,) its `utterance_number`; clips of one utterance are held out together.
    Returns:
        (N,) bool
    """
    held_out = utterance % UTTERANCES_PER_HELD_OUT == 0
    num_people = int(person.max()) + 1 if len(person) else 0
    can_train = torch.zeros(num_people, dtype=torch.bool)
    can_train[person[~held_out]] = True
    first = torch.full((num_people,), torch.iinfo(torch.int64).max)
    first.scatter_reduce_(0, person, utterance, "amin")
    return held_out & (can_train[person] | (utterance != first[person]))


def rows_of_split(split: Split, person: Tensor, utterance: Tensor, person_is_held_out: Tensor) -> Tensor:
    """The rows of a split, in order.

    Args:
        split: which.
        person, utterance: (N,) as for `held_out_utterances`.
        person_is_held_out: (people,) bool.
    """
    unseen = person_is_held_out[person]
    if split == "heldout_people":
        return unseen.nonzero()[:, 0]
    held_out = held_out_utterances(person, utterance)
    return (~unseen & (held_out if split == "heldout_utterances" else ~held_out)).nonzero()[:, 0]


def _normal(name: str) -> str:
    """A name in either Unicode form is one person; one in ASCII stays as it is, spaces at its ends included."""
    return name if name.isascii() else normalise_name(name)


def _number(text: str) -> int:
    # A file name that is no UTF-8 reaches Python as surrogates, which strict encoding refuses.
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") >> 1
