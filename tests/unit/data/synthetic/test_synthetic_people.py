"""Hidden factors of synthetic people: the distribution of ages."""

import pytest
import torch

from facegen.core.recipe.tables import DataSettings
from facegen.data.synthetic.people import FACTORS, draw_people
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


def test_faces_of_one_voice_share_its_factors_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = Synthetic(DataSettings(image_pixels=16, speech_seconds=0.1), num_people=300, clips_per_person=1)
    rendered: list[tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]] = []

    def render(people: dict[str, torch.Tensor], moments: dict[str, torch.Tensor], pixels: int) -> torch.Tensor:
        rendered.append((people, moments))
        return torch.zeros(len(people["sex"]), pixels, pixels, 3, dtype=torch.uint8)

    monkeypatch.setattr("facegen.data.synthetic.speakers.render_faces", render)
    clip = torch.arange(300)
    corpus.faces(clip, torch.zeros_like(clip))
    assert corpus.same_voice_faces(clip).shape == (300, 16, 16, 3)
    (people, moments), (others, other_moments) = rendered
    for factor in FACTORS:
        equal = float((people[factor.name] == others[factor.name]).double().mean())
        assert (equal == 1) if factor.side != "face" else (equal < 0.5 if factor.classes else equal == 0), factor.name
    assert all(float((moments[name] == other_moments[name]).double().mean()) < 0.9 for name in ("yaw", "light_x"))
