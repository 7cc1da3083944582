"""Inception with random weights: file formats, agreement with torch-fidelity, and the cache."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.utils.data import Dataset

from facegen.core import optional_imports
from facegen.core.errors import DataError
from facegen.core.progress import Observer
from facegen.core.statistics import frechet_distance
from facegen.parts.metrics import inception as module
from facegen.parts.metrics.given_features import inception_score, kernel_distance, precision_recall
from facegen.parts.metrics.inception import FEATURES, LOGITS, Inception

pytestmark = pytest.mark.slow
NUM = 8
TORCH_FIDELITY, PYTORCH_FID = "weights-inception-2015-12-05-6726825d.pth", "pt_inception-2015-12-05-6726825d.pth"


class Pictures(Dataset[Tensor]):
    """Faces as torch-fidelity reads them: uint8, channels first."""

    def __init__(self, faces: Tensor) -> None:
        self._faces = faces.permute(0, 3, 1, 2).contiguous()

    def __len__(self) -> int:
        return len(self._faces)

    def __getitem__(self, row: int) -> Tensor:
        return self._faces[row]


class Listener(Observer):
    """Observer that records messages."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.done = 0

    def start(self, stage: str, total: int, done: int = 0) -> None:
        self.stages.append(f"{stage}: {total}")

    def advance(self, done: int, values: Mapping[str, float] | None = None) -> None:
        self.done = done


def some_faces(seed: int) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    coarse = torch.randint(0, 256, (NUM, 8, 8, 3), dtype=torch.uint8, generator=random)
    return coarse.repeat_interleave(5, dim=1).repeat_interleave(5, dim=2)


def random_weights(seed: int) -> dict[str, Tensor]:
    """Draw weights that keep the scale of activations (He et al. 2015)."""
    with torch.device("meta"):
        shapes = module._blank()("inception", [LOGITS], feature_extractor_weights_path=module._no_weights())
    random = torch.Generator().manual_seed(seed)
    state = {}
    for name, value in shapes.state_dict().items():
        if value.ndim > 1:
            state[name] = torch.randn(value.shape, generator=random) * (2 / value[0].numel()) ** 0.5
        else:
            state[name] = torch.full(value.shape, float(name.endswith(("bn.weight", "var")))).to(value.dtype)
    return state


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of the same random weights in every published format, and files of other weights."""
    folder = tmp_path_factory.mktemp("weights")
    state = random_weights(seed=0)
    assert len(state) == 566
    torch.save(state, folder / TORCH_FIDELITY)
    torch.save(state, folder / PYTORCH_FID, _use_new_zipfile_serialization=False)
    save_file(state, folder / "same.safetensors")
    save_file({**state, "fc.bias": torch.ones(1008)}, folder / "other.safetensors")
    return folder


def test_every_file_format_gives_the_same_network(files: Path) -> None:
    keys = {Inception(files / name, batch_size=4).key for name in (TORCH_FIDELITY, PYTORCH_FID, "same.safetensors")}
    assert len(keys) == 1
    assert Inception(files / "other.safetensors", batch_size=4).key not in keys


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    save_file({"fc.weight": torch.zeros(1000, 2048)}, tmp_path / "other.safetensors")
    with pytest.raises(DataError) as caught:
        Inception(tmp_path / "other.safetensors", batch_size=4)
    lacks, shapes = caught.value.problems
    assert "lacks Conv2d_1a_3x3.conv.weight, Conv2d_1a_3x3.bn.weight, Conv2d_1a_3x3.bn.bias and " in lacks
    assert "has the shapes fc.weight (1000, 2048) where (1008, 2048) is expected" in shapes


@pytest.mark.slow
def test_features_equal_those_of_torch_fidelity(files: Path) -> None:
    real, fake = some_faces(1), some_faces(2)
    expected = optional_imports.torch_fidelity().calculate_metrics(
        input1=Pictures(fake), input2=Pictures(real), isc=True, fid=True, kid=True, prc=True, isc_splits=2,
        kid_subsets=3, kid_subset_size=4, prc_neighborhood=2, feature_extractor="inception-v3-compat",
        feature_layer_prc=FEATURES, feature_extractor_weights_path=str(files / TORCH_FIDELITY), rng_seed=5,
        cuda=False, cache=False, save_cpu_ram=True, verbose=False,
    )  # fmt: skip
    inception, listener = Inception(files / PYTORCH_FID, batch_size=3), Listener()
    seen_real = inception.compute(real, "real faces", listener, None)
    seen_fake = inception.compute(fake, "generated faces", listener, None)
    assert listener.stages == [f"Inception, real faces: {NUM}", f"Inception, generated faces: {NUM}"]
    assert listener.done == NUM
    one, other = seen_fake[FEATURES], seen_real[FEATURES]
    assert one.shape == (NUM, 2048) and seen_fake[LOGITS].shape == (NUM, 1008)
    results = {
        "inception_score": inception_score(seen_fake[LOGITS], num_splits=2, seed=5),
        "kernel_inception_distance": kernel_distance(one, other, num_subsets=3, subset_size=4, seed=5),
    }
    for name, (mean, deviation) in results.items():
        assert mean == pytest.approx(expected[f"{name}_mean"], rel=1e-3), name
        assert deviation == pytest.approx(expected[f"{name}_std"], rel=1e-2), name
    assert frechet_distance(one, other) == pytest.approx(expected["frechet_inception_distance"], rel=1e-4)
    both = expected["precision"], expected["recall"]
    assert precision_recall(one, other, num_neighbours=2) == pytest.approx(both)


class Passes:
    """Replacement of the network that counts its passes."""

    def __init__(self) -> None:
        self.num = 0

    def __call__(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        assert pictures.dtype == torch.uint8 and pictures.shape[1] == 3
        self.num += len(pictures)
        means = pictures.float().mean((1, 2, 3))
        return means[:, None].expand(-1, 2048).contiguous(), means[:, None].expand(-1, 1008).contiguous()


def test_cache_key_depends_on_faces_and_weights(files: Path, tmp_path: Path) -> None:
    passes = Passes()

    def look(weights: str, faces: Tensor) -> dict[str, Tensor]:
        inception = Inception(files / weights, batch_size=3)
        inception._network = passes
        return inception.compute(faces, "real faces", Observer(), tmp_path / "inception")

    faces = some_faces(3)
    first = look("same.safetensors", faces)
    assert passes.num == NUM
    again = look(TORCH_FIDELITY, faces.clone())
    assert passes.num == NUM and all(torch.equal(first[name], again[name]) for name in (FEATURES, LOGITS))
    assert torch.equal(first[FEATURES][:, 0], faces.float().mean((1, 2, 3)))
    other = faces.clone()
    other[0, 0, 0, 0] ^= 1
    look("same.safetensors", other)
    assert passes.num == 2 * NUM
    look("other.safetensors", faces)
    assert passes.num == 3 * NUM
    cached = sorted((tmp_path / "inception").iterdir())
    assert len(cached) == 3 and {path.suffix for path in cached} == {".safetensors"}
    for path in cached:
        path.write_bytes(path.read_bytes()[:100])
    look("same.safetensors", faces)
    assert passes.num == 4 * NUM
