"""Character codes of captions, there and back."""

import torch

from facegen.core.batch import NUM_CHARACTERS
from facegen.core.text.caption_codes import ALPHABET, decode_captions, encode_captions


def test_codes_of_a_caption_give_it_back_in_lower_case():
    captions = ["A tall man, 60 years old.", "", ALPHABET.strip()]
    assert decode_captions(encode_captions(captions, 80)) == [caption.lower() for caption in captions]


def test_a_character_without_a_code_becomes_a_space():
    codes = encode_captions(["a café é"], 12)
    assert codes[0, 5] == 0 and codes.shape == (1, 12)
    assert decode_captions(codes) == ["a caf"]


def test_a_long_caption_is_cut_off():
    assert decode_captions(encode_captions(["a woman"], 4)) == ["a wo"]


def test_every_code_has_a_character():
    (text,) = decode_captions(torch.arange(1, NUM_CHARACTERS + 1)[None] - 1)
    assert len(ALPHABET) == NUM_CHARACTERS and text.strip() == ALPHABET[:-1].strip()
