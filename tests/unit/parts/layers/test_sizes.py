"""Sizes as a base times a power of two."""

import pytest

from facegen.core.errors import RecipeError
from facegen.parts.layers.sizes import base_and_doublings


@pytest.mark.parametrize(
    ("pixels", "form"),
    [(8, (4, 1)), (48, (6, 3)), (64, (4, 4)), (80, (5, 4)), (96, (6, 4)), (112, (7, 4)), (128, (4, 5))],
)
def test_every_size_has_one_form(pixels, form):
    assert base_and_doublings(pixels, "part") == form


@pytest.mark.parametrize(("pixels", "nearest"), [(50, "48 and 56"), (127, "112 and 128"), (100, "96 and 112")])
def test_other_sizes_are_refused_with_their_neighbours(pixels, nearest):
    with pytest.raises(RecipeError, match=rf"^adain: data.image_pixels = {pixels}: .*; the nearest are {nearest}$"):
        base_and_doublings(pixels, "adain")
