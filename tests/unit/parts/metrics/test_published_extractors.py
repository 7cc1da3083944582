"""Extractors beside Inception: conversion against a network of our own, refusal of code, and messages."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from facegen.core import optional_imports
from facegen.core.errors import DataError
from facegen.core.progress import Observer
from facegen.parts.metrics import weight_files
from facegen.parts.metrics.published_extractors import PUBLISHED, extractor_path, find_extractor
from facegen.parts.metrics.weight_files import NoWeightsError

WIDTH, DEPTH, SIDE = 128, 2, 5


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache of torch, and a network that cannot be reached."""

    def unreachable(*_: object, **__: object) -> None:
        raise OSError("unreachable")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(weight_files, "urlopen", unreachable)


def faces(num: int = 2) -> Tensor:
    return torch.randint(0, 256, (num, 20, 20, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def dino_tensors() -> dict[str, Tensor]:
    """Draw weights in DINOv2's names, of a small network."""
    random = torch.Generator().manual_seed(0)
    shapes = {
        "cls_token": (1, 1, WIDTH), "pos_embed": (1, 1 + SIDE**2, WIDTH), "mask_token": (1, WIDTH),
        "patch_embed.proj.weight": (WIDTH, 3, 14, 14), "patch_embed.proj.bias": (WIDTH,), "norm.weight": (WIDTH,),
        "norm.bias": (WIDTH,),
    }  # fmt: skip
    for block in range(DEPTH):
        layers = {"attn.qkv": 3 * WIDTH, "attn.proj": WIDTH, "mlp.fc1": 4 * WIDTH, "mlp.fc2": WIDTH}
        for name, width in layers.items():
            inputs = 4 * WIDTH if name == "mlp.fc2" else WIDTH
            shapes |= {f"blocks.{block}.{name}.weight": (width, inputs), f"blocks.{block}.{name}.bias": (width,)}
        for name in ("norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias", "ls1.gamma", "ls2.gamma"):
            shapes[f"blocks.{block}.{name}"] = (WIDTH,)
    return {name: 0.2 * torch.randn(shape, generator=random) for name, shape in shapes.items()}


def dino_by_hand(weights: dict[str, Tensor], images: Tensor) -> Tensor:
    """Compute the class token of a vision transformer with scaled branches, in float64."""
    value = {name: tensor.double() for name, tensor in weights.items()}

    def norm(x: Tensor, name: str) -> Tensor:
        return functional.layer_norm(x, (WIDTH,), value[f"{name}.weight"], value[f"{name}.bias"], eps=1e-6)

    def linear(x: Tensor, name: str) -> Tensor:
        return x @ value[f"{name}.weight"].T + value[f"{name}.bias"]

    patches = functional.unfold(images.double(), 14, stride=14).transpose(1, 2)
    x = patches @ value["patch_embed.proj.weight"].flatten(1).T + value["patch_embed.proj.bias"]
    x = torch.cat([value["cls_token"].expand(len(x), -1, -1), x], dim=1)
    grid = weights["pos_embed"][:, 1:].unflatten(1, (SIDE, SIDE)).permute(0, 3, 1, 2)
    grid = functional.interpolate(grid, scale_factor=16.1 / SIDE, mode="bicubic").flatten(2).transpose(1, 2)
    x = x + torch.cat([weights["pos_embed"][:, :1], grid], dim=1).double()
    for block in range(DEPTH):
        start = f"blocks.{block}."
        query, key, content = linear(norm(x, f"{start}norm1"), f"{start}attn.qkv").unflatten(2, (3, 2, 64)).unbind(2)
        scores = torch.einsum("bqhd,bkhd->bhqk", query, key) / 8
        mixed = torch.einsum("bhqk,bkhd->bqhd", scores.softmax(3), content).flatten(2)
        x = x + value[f"{start}ls1.gamma"] * linear(mixed, f"{start}attn.proj")
        hidden = functional.gelu(linear(norm(x, f"{start}norm2"), f"{start}mlp.fc1"))
        x = x + value[f"{start}ls2.gamma"] * linear(hidden, f"{start}mlp.fc2")
    return norm(x, "norm")[:, 0]


def test_dinov2_by_hand(tmp_path: Path) -> None:
    torch.save(dino_tensors(), tmp_path / "dino.pth")
    extractor = find_extractor("dinov2-vit-s-14", tmp_path / "dino.pth", 8, Observer())
    features = extractor.compute(faces(), "faces", Observer(), None)["features"]
    resize: Any = optional_imports.torch_fidelity().feature_extractor_dinov2.interpolate_bilinear_2d_like_tensorflow1x
    images = resize(faces().permute(0, 3, 1, 2).float(), size=(224, 224), align_corners=False) / 255
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    images = (images - mean[:, None, None]) / deviation[:, None, None]
    torch.testing.assert_close(features.double(), dino_by_hand(dino_tensors(), images), atol=1e-3, rtol=1e-3)


def test_clip_is_that_of_torch_fidelity(tmp_path: Path) -> None:
    """The tensors as safetensors fill the same network as those of an archive."""
    clip: Any = optional_imports.torch_fidelity().feature_extractor_clip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        visual = clip.CLIPVisual(16, 64, 1, 64, 32)
    state = {**visual.state_dict(), "text_projection": torch.ones(4, 16), "logit_scale": torch.ones(1)}
    save_file(state, tmp_path / "clip.safetensors")
    extractor = find_extractor("clip-vit-b-32", tmp_path / "clip.safetensors", 8, Observer())
    assert extractor.compute(faces(), "faces", Observer(), None)["features"].shape == (2, 16)


def test_an_archive_with_other_code_is_refused(tmp_path: Path) -> None:
    class Code(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x

    with pytest.warns((DeprecationWarning, FutureWarning)):  # by the release of torch
        torch.jit.script(Code()).save(str(tmp_path / "clip.pt"))
    with pytest.raises(DataError, match="other archives could run code and are refused"):
        find_extractor("clip-vit-b-32", tmp_path / "clip.pt", 8, Observer())


def test_vgg16_keeps_the_layers_up_to_its_features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch-fidelity cuts the classifier behind the second fully connected layer."""

    class Small(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            pool, last = nn.AdaptiveAvgPool2d(1), [nn.ReLU(), nn.Dropout(), nn.Linear(4, 9)]
            self.classifier = nn.Sequential(
                nn.Sequential(pool, nn.Flatten(), nn.Linear(3, 5)), nn.ReLU(), nn.Dropout(), nn.Linear(5, 4), *last
            )

        def forward(self, x: Tensor) -> Tensor:
            return self.classifier(x)

    monkeypatch.setattr(optional_imports.torchvision().models, "vgg16", Small)
    save_file(Small().state_dict(), tmp_path / "vgg.safetensors")
    extractor = find_extractor("vgg16", tmp_path / "vgg.safetensors", 8, Observer())
    features = extractor.compute(faces(), "faces", Observer(), None)["features"]
    assert features.shape == (2, 4) and bool((features >= 0).all())


@pytest.mark.parametrize("name, owner", [("dinov2-vit-s-14", "DINOv2"), ("vgg16", "VGG16"), ("clip-vit-b-32", "CLIP")])
def test_weights_of_another_network_are_refused(name: str, owner: str, tmp_path: Path) -> None:
    save_file({"weight": torch.ones(2)}, tmp_path / "other.safetensors")
    with pytest.raises(DataError, match=f"weights of {owner}"):
        find_extractor(name, tmp_path / "other.safetensors", 8, Observer())


def test_without_weights_and_network_the_message_says_what_to_name() -> None:
    for name in PUBLISHED:
        with pytest.raises(NoWeightsError, match=f"failed .unreachable.; name a file: --extractor {name}=PATH"):
            find_extractor(name, None, 8, Observer())


def test_words(tmp_path: Path) -> None:
    (tmp_path / "a=b.pth").touch()
    assert extractor_path("vgg16") == ("vgg16", None)
    assert extractor_path(f"vgg16={tmp_path / 'a=b.pth'}") == ("vgg16", tmp_path / "a=b.pth")
    with pytest.raises(DataError, match="'resnet': is unknown; choose one of dinov2-vit-s-14"):
        extractor_path("resnet")
    with pytest.raises(DataError, match=r"'none.pth' does not exist; name vgg16-397923af\.pth"):
        extractor_path("vgg16=none.pth")


def test_addresses_are_those_of_the_libraries() -> None:
    clip: Any = optional_imports.torch_fidelity().feature_extractor_clip
    published = PUBLISHED["clip-vit-b-32"]
    assert clip.MODEL_URLS["clip-vit-b-32"] == published.url
    assert published.sha256 == clip.MODEL_METADATA["clip-vit-b-32"]["hash"]
    assert optional_imports.torchvision().models.VGG16_Weights.IMAGENET1K_V1.url == PUBLISHED["vgg16"].url
    registry: Any = optional_imports.torch_fidelity().registry
    for name, extractor in PUBLISHED.items():
        kind = registry.FEATURE_EXTRACTORS_REGISTRY[name]
        assert kind.get_default_feature_layer_for_metric("fid") == extractor.feature
