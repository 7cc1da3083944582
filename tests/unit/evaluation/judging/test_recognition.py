"""Recognisers: their selection, their input, and the embeddings that are kept."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from facegen.core.errors import RecipeError
from facegen.core.interfaces import Recogniser
from facegen.core.progress import Observer
from facegen.core.recipe.recipe import Recipe, check_recipe
from facegen.core.recipe.tables import DataSettings
from facegen.data.synthetic.speakers import Synthetic
from facegen.evaluation.judging.recognition import (
    MOST_NOISES,
    RecogniserInputs,
    build_recognisers,
    recognise,
    with_recognisers,
)

TABLES = {
    "data": {"type": "synthetic"},
    "conditioner": {"type": "one_hot"},
    "discriminator": {"type": "projection"},
    "match": {"type": "softmax"},
}


def recipe(**tables: object) -> Recipe:
    return check_recipe({**TABLES, **tables}, "a.toml")


def chosen(checked: Recipe) -> list[tuple[str, object]]:
    return [(config.name, config.settings.get("find")) for config in checked.configs["recogniser"]]


def test_asked_for_beside_those_of_the_recipe() -> None:
    plain = recipe(recogniser={"type": "resemblyzer"})
    assert chosen(with_recognisers(plain, [])) == [("resemblyzer", None)]
    more = with_recognisers(plain, ["dlib_faces", "dlib_faces:find=centre", "dlib_faces:find='search'"])
    assert chosen(more) == [
        ("resemblyzer", None), ("dlib_faces", "search"), ("dlib_faces", "centre"), ("dlib_faces", "search")
    ]  # fmt: skip
    assert chosen(plain) == [("resemblyzer", None)]


@pytest.mark.parametrize("word, message", [
    ("dlib_face", "did you mean 'dlib_faces'"),
    ("dlib_faces:find=anywhere", 'find = "anywhere"'),
    ("dlib_faces:fnd=centre", "did you mean 'find'"),
    ("dlib_faces:centre", "--recogniser dlib_faces:centre: 'centre' must be key=value"),
])  # fmt: skip
def test_mistakes_are_explained(word: str, message: str) -> None:
    with pytest.raises(RecipeError) as error:
        with_recognisers(recipe(), [word])
    assert message in str(error.value)


def test_what_is_missing_is_said_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "resemblyzer", None)
    with pytest.raises(RecipeError, match="pip install"):
        build_recognisers(recipe(recogniser=[{"type": "resemblyzer"}]))


class Colour(Recogniser):
    """Mean colour of a face, mean of the speech; counts the faces and clips that it embeds."""

    embeds = frozenset({"faces", "speech"})

    def __init__(self) -> None:
        self.faces = self.clips = 0

    def fingerprint(self) -> str:
        return "colour"

    def embed_faces(self, faces: Tensor) -> Tensor:
        self.faces += len(faces)
        return faces.double().mean((1, 2))

    def embed_speech(self, speech: Tensor, sample_rate_hz: int) -> Tensor:
        self.clips += len(speech)
        return speech.double().mean(1, keepdim=True) + sample_rate_hz


def shown() -> RecogniserInputs:
    request = DataSettings(image_pixels=16, speech_seconds=0.1, sample_rate_hz=8000)
    world = Synthetic(request, num_people=4, num_heldout_people=5, clip_seconds=0.2, clips_per_person=1)
    clip = world.clips("heldout_people").clip
    other = torch.stack([clip, torch.tensor([3, -1, 2, -1, 1])])
    other[0, other[1] < 0] = -1
    random = torch.Generator().manual_seed(0)
    fake = torch.randint(0, 256, (5, 3, 16, 16, 3), dtype=torch.uint8, generator=random)
    return RecogniserInputs(world, clip, world.faces(clip, clip * 0), fake, other, torch.arange(5) * 100)


def test_of_faces_under_noises_of_their_own_one_a_row_is_enough() -> None:
    colour, seen = Colour(), shown()
    assert seen.fake_faces is not None
    own = replace(seen, fresh_faces=seen.fake_faces[:, 2])
    embeddings = recognise({"colour": colour}, own, "key", None, Observer())["colour"]
    assert embeddings.fresh is not None and embeddings.fake is None
    assert torch.allclose(embeddings.fresh, seen.fake_faces[:, 2].float().mean((1, 2)))
    assert colour.faces == 5 + 3 + 5  # true ones, second ones, generated ones


def test_rows_stay_rows() -> None:
    seen = shown()
    embeddings = recognise({"colour": Colour()}, seen, "key", None, Observer())["colour"]
    assert embeddings.real is not None and embeddings.real_other is not None
    assert embeddings.fake is not None and embeddings.speech is not None and seen.fake_faces is not None
    assert torch.allclose(embeddings.real, seen.real_faces.float().mean((1, 2)))
    assert torch.allclose(embeddings.fake, seen.fake_faces[:, :MOST_NOISES].float().mean((2, 3)))
    assert embeddings.real_other.isnan().all(1).tolist() == [False, True, False, True, False]
    third = seen.dataset.faces(seen.clip[2:3], torch.tensor([2])).float().mean((1, 2))
    assert torch.allclose(embeddings.real_other[2:3], third)
    fourth = seen.dataset.speech(seen.clip[3:4], torch.tensor([300]), 800).float().mean()
    assert embeddings.speech[3] == pytest.approx(float(fourth) + 8000)


def test_what_real_rows_gave_is_kept(tmp_path: Path) -> None:
    seen, first, second = shown(), Colour(), Colour()
    before = recognise({"colour": first}, seen, "key", tmp_path, Observer())["colour"]
    after = recognise({"colour": second}, seen, "key", tmp_path, Observer())["colour"]
    assert (first.faces, first.clips) == (5 + 3 + 10, 5)
    assert (second.faces, second.clips) == (10, 0)
    for name in ("real", "real_other", "fake", "speech"):
        assert torch.equal(getattr(before, name).nan_to_num(-1), getattr(after, name).nan_to_num(-1))
    assert not list(tmp_path.glob("*.part"))
    for changed in ((replace(seen, clip=seen.clip.flip(0)), "key"), (seen, "other rows")):
        third = Colour()
        recognise({"colour": third}, *changed, tmp_path, Observer())
        assert third.clips == 5


def test_a_damaged_file_is_computed_again(tmp_path: Path) -> None:
    recognise({"colour": Colour()}, shown(), "key", tmp_path, Observer())
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"cut short")
    again = Colour()
    assert recognise({"colour": again}, shown(), "key", tmp_path, Observer())["colour"].real is not None
    assert again.clips == 5


def test_without_speech_there_is_nothing_to_hear() -> None:
    warnings: list[str] = []

    class Listening(Observer):
        def warn(self, message: str) -> None:
            warnings.append(message)

    colour = Colour()
    seen = replace(shown(), speech_start=None, fake_faces=None)
    embeddings = recognise({"colour": colour}, seen, "key", None, Listening())["colour"]
    assert (embeddings.fake, embeddings.speech, colour.clips) == (None, None, 0)
    assert warnings == ["recogniser colour: the run reads no speech, so that its speech embeddings are not computed"]
