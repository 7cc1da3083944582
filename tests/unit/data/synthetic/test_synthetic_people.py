"""Hidden factors of synthetic people: the distribution of ages."""

import pytest
import torch

from facegen.core.recipe.tables import DataSettings
from facegen.data.synthetic.people import draw_people
from facegen.data.synthetic.speakers import Synthetic

PEOPLE = torch.arange(4000)


def test_ages_have_the_given_median_and_the_same_order() -> None:
    older, younger = draw_people(5, PEOPLE)["age"], draw_people(5, PEOPLE, 30.0)["age"]
    assert abs(float(older.median()) - 41) < 1.0
    assert abs(float(younger.median()) - 30) < 1.0
    assert float(younger.min()) >= 18 and float(younger.max()) <= 80
    assert bool((younger <= older).all())
    uniform = draw_people(5, PEOPLE, 49.0)["age"]
    assert float(uniform.mean()) == pytest.approx(49, abs=0.7)
    assert float(uniform.std()) == pytest.approx(62 / 12**0.5, abs=0.5)
    assert torch.equal(draw_people(5, PEOPLE)["size"], draw_people(5, PEOPLE, 30.0)["size"])


def test_median_age_is_part_of_the_fingerprint() -> None:
    request = DataSettings(image_pixels=16, speech_seconds=0.1)
    one, other = (Synthetic(request, num_people=4, median_age=age) for age in (41.0, 30.0))
    assert one.fingerprint() == Synthetic(request, num_people=4).fingerprint()
    assert one.fingerprint() != other.fingerprint()
    clip = torch.arange(8)
    assert bool((other.people(clip)["age"] < one.people(clip)["age"]).all())
