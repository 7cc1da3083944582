"""The Python interface: the same faces and probabilities as on the command line, from files, arrays and tensors."""

import json
import wave
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from test_evaluate_other_corpus import pack
from test_generate import pixels, write_sound
from tiny_runs import RECIPES, TINY, Facegen

import facegen as package


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny run that `facegen.train` trained."""
    out = tmp_path_factory.mktemp("runs") / "run"
    recipe, observer = str(RECIPES / "speech_relid.toml"), package.Observer()
    assert package.train(recipe, TINY, preset="small", out=str(out), observer=observer) == out
    return out


@pytest.fixture(scope="module")
def model(run: Path) -> package.Model:
    return package.load(str(run))


def samples_of(path: Path) -> np.ndarray:
    with wave.open(str(path), "rb") as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def test_sample_draws_the_faces_of_the_command_line(
    facegen: Facegen, run: Path, model: package.Model, tmp_path: Path
) -> None:
    sound = write_sound(tmp_path / "a.wav", 1.0, 44100, 1)
    assert facegen("generate", run, "--speech", sound, "--count", 2, "--seed", 3, "--out", tmp_path / "faces") == 0
    faces = model.sample(speech=sound, count=2, seed=3)
    assert [face.size for face in faces] == [(16, 16)] * 2
    for number, face in enumerate(faces, 1):
        assert np.array_equal(np.asarray(face), pixels(tmp_path / "faces" / f"a_run_seed3_{number}.png"))


def test_a_saved_face_is_marked_and_other_pictures_are_refused(model: package.Model, tmp_path: Path) -> None:
    sound = write_sound(tmp_path / "secret.wav", 0.5, 16000, 1)
    (face,) = model.sample(speech=sound, count=1, seed=3)
    package.save_picture(face.resize((64, 64)), tmp_path / "face.png")
    with Image.open(tmp_path / "face.png") as saved:
        assert (saved.size, saved.text["Model"], saved.text["Seed"]) == ((64, 64), "run", "3")
        assert "digitalsourcetype/trainedAlgorithmicMedia" in saved.text["XML:com.adobe.xmp"]
    assert b"secret" not in (tmp_path / "face.png").read_bytes()
    with pytest.raises(package.DataError, match="was not drawn by facegen"):
        package.save_picture(Image.new("RGB", (64, 64)), tmp_path / "other.png")


@pytest.mark.parametrize("rate_hz", [16000, 44100])
def test_samples_are_read_like_the_file_that_holds_them(rate_hz: int, model: package.Model, tmp_path: Path) -> None:
    sound = write_sound(tmp_path / "a.wav", 0.5, rate_hz, 1)
    samples = samples_of(sound)
    by_file = model.encode(str(sound))
    for given in (
        samples,
        torch.from_numpy(samples.copy()),
        samples.astype(np.int32) * 65536,
        np.stack([samples, samples]),
        np.stack([samples, samples], axis=1),
    ):
        torch.testing.assert_close(model.encode(given, rate_hz), by_file)
    # Floats are dithered by no one, but rounded after resampling.
    torch.testing.assert_close(model.encode(samples / 32768, rate_hz), by_file, atol=1e-3, rtol=1e-3)


def test_rank_is_the_match_of_the_command_line(
    facegen: Facegen, run: Path, model: package.Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound, faces = write_sound(tmp_path / "a.wav", 0.5, 16000, 1), [tmp_path / f"{number}.png" for number in range(3)]
    for face in faces:
        Image.effect_noise((16, 16), 80).convert("RGB").save(face)
    capsys.readouterr()
    assert facegen("match", run, "--speech", sound, "--faces", *faces, "--json") == 0
    expected = list(json.loads(capsys.readouterr().out)["rows"][0]["probabilities"].values())
    arrays = np.stack([np.asarray(Image.open(face)) for face in faces])
    floats = torch.from_numpy(arrays).permute(0, 3, 1, 2) / 127.5 - 1
    for given in (faces, [Image.open(face) for face in faces], arrays, floats, list(floats)):
        probabilities = model.rank(sound, given)
        assert probabilities.shape == (1, 3)
        assert probabilities[0].tolist() == pytest.approx(expected, abs=1e-5)
    assert model.rank([sound, sound], faces, direction="f2v").tolist() == [[0.5, 0.5]] * 3


def test_rank_compares_what_encode_and_embed_faces_return(model: package.Model, tmp_path: Path) -> None:
    sound = write_sound(tmp_path / "a.wav", 0.5, 16000, 1)
    faces = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    encoding, embedding = model.encode(sound), model.embed_faces(faces)
    again = model.matching.probabilities(encoding, embedding, "v2f").numpy()
    np.testing.assert_allclose(again, model.rank(sound, faces), rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "the run was trained on speech"),
        ({"speech": "no_such_file.wav"}, "no_such_file.wav"),
        ({"speech": np.ones(16000, np.int16)}, "sample_rate_hz is missing"),
        (
            {"speech": np.ones(16000, np.int16), "sample_rate_hz": 10**9},
            "sample_rate_hz = 1000000000: must be from 1000",
        ),
        ({"speech": np.ones(16000, np.int8), "sample_rate_hz": 16000}, "speech of type int8: must be int16"),
        ({"speech": np.ones((2, 2, 2)), "sample_rate_hz": 16000}, r"speech of shape (2, 2, 2): must be (samples,)"),
        ({"speech": np.full(16000, np.nan), "sample_rate_hz": 16000}, "NaN or infinity in 16000 of 16000 samples"),
        ({"speech": np.full(16000, 9000.0), "sample_rate_hz": 16000}, "divide 16-bit samples by 32768"),
        ({"speech": np.zeros(16000), "sample_rate_hz": 16000}, "speech is silent"),
        ({"speech": np.ones(3, np.int16), "sample_rate_hz": 16000}, "must last from 0.01 s"),
        ({"speech": np.ones(16000, np.int16), "sample_rate_hz": 16000, "count": 0}, "sample: count = 0: must be"),
        ({"name": "speaker-0"}, "does not read a name"),
    ],
)
def test_wrong_speech_is_refused(arguments: dict[str, object], message: str, model: package.Model) -> None:
    with pytest.raises(package.DataError) as error:
        model.sample(**arguments)  # type: ignore[arg-type]
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("faces", "message"),
    [
        ([], "no face is given"),
        (np.zeros((16, 16), np.uint8), "faces of shape (16, 16)"),
        (torch.full((3, 16, 16), 200.0), "faces of floats must be from -1 to 1"),
        (["no_such_face.png", "nor_this.png"], "nor_this.png"),
    ],
)
def test_wrong_faces_are_refused(faces: object, message: str, model: package.Model) -> None:
    with pytest.raises(package.DataError) as error:
        model.embed_faces(faces)  # type: ignore[arg-type]
    assert message in str(error.value)


def test_a_model_file_is_loaded_like_its_run(facegen: Facegen, run: Path, model: package.Model, tmp_path: Path) -> None:
    path, sound = tmp_path / "model.safetensors", write_sound(tmp_path / "a.wav", 0.5, 16000, 1)
    assert facegen("export", run, path, "--precision", "fp32") == 0
    (one,), (other,) = (loaded.sample(speech=sound, count=1) for loaded in (model, package.load(path)))
    assert np.array_equal(np.asarray(one), np.asarray(other))


def test_a_corpus_is_a_dataset(tmp_path: Path) -> None:
    corpus = package.open_corpus(str(pack(tmp_path / "corpus", "person", num=20)), speech_seconds=0.3)
    assert len(corpus) == 20 and corpus.data.speech_samples == 4800
    batch = next(iter(torch.utils.data.DataLoader(corpus, batch_size=5)))
    assert batch["face"].shape == (5, 3, 32, 32) and -1 <= batch["face"].min() < batch["face"].max() <= 1
    assert batch["speech"].shape == (5, 4800)
    assert batch["name"] == [corpus.names[number] for number in batch["person"]] and batch["name"][0] == "person0"
    heldout = package.open_corpus(tmp_path / "corpus", split="heldout_people", image_pixels=16)
    assert 0 < len(heldout) < 20 and heldout[0]["face"].shape == (3, 16, 16) and heldout[0]["identity"] == -1
    with pytest.raises(IndexError, match="the dataset holds 20 clips"):
        corpus[20]


def test_evaluate_returns_a_report(run: Path) -> None:
    report = package.evaluate(run, num_clips=24, split="heldout_people", observer=package.Observer())
    assert report.num_clips == 24 and report.table.parent == run / "evaluation"
    assert any(figure.key == "matching.v2f.10.real" for figure in report.figures["matching"])


def test_overrides_are_checked() -> None:
    with pytest.raises(package.RecipeError, match=r"override train\.steps = None: must be a string"):
        package.train(RECIPES / "speech_relid.toml", {"train.steps": None}, preset="small")
    ramp = {"start": 1.0, "end": float("nan")}
    with pytest.raises(package.RecipeError, match=r"override penalty\.r1_gamma = .*: must be a string"):
        package.train(RECIPES / "speech_relid.toml", {"penalty.r1_gamma": ramp}, preset="small")
    with pytest.raises(package.RecipeError, match=r"\[penalty\] r1_gamma\.stop is not a key here"):
        package.train(RECIPES / "speech_relid.toml", {"penalty.r1_gamma": {"start": 1.0, "stop": 2.0}}, preset="small")
    with pytest.raises(package.RecipeError, match="batch_siz is not a key here"):
        package.train(RECIPES / "speech_relid.toml", ["train.batch_siz=3"], preset="small")
