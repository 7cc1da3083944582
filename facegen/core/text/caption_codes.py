"""Character codes of captions."""

from collections.abc import Sequence

import torch
from torch import Tensor

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789-,;.!?:'\"/\\|_@#$%^&*~`+-=<>()[]{} \n"
"""The 70 characters of Zhang, Zhao & LeCun 2015, as used by char-CNN-RNN (Reed et al. 2016), and the space."""
CAPTION_CHARACTERS = 201
"""Length of an encoded caption, as in Reed et al. 2016."""
_CODES = {character: code for code, character in reversed(list(enumerate(ALPHABET, start=1)))}


def encode_captions(captions: Sequence[str], length: int) -> Tensor:
    """Encode captions as (B, length) int64; 0 is padding, or a character outside the alphabet."""
    codes = torch.zeros(len(captions), length, dtype=torch.int64)
    for row, caption in enumerate(captions):
        caption_codes = [_CODES.get(character, 0) for character in caption.lower()[:length]]
        codes[row, : len(caption_codes)] = torch.tensor(caption_codes, dtype=torch.int64)
    return codes


def decode_captions(codes: Tensor) -> list[str]:
    """Return the text of codes (B, length): lower case, with a space for each character outside the alphabet."""
    characters = f" {ALPHABET}"
    return ["".join(characters[code] for code in row).rstrip(" ") for row in codes.tolist()]
