"""torch-fidelity's extractors beside Inception: DINOv2, CLIP and VGG16, with weights that run no code.

torch-fidelity downloads DINOv2 as code, unpickles VGG16 and executes CLIP's archive. Here, tensors alone are read, and
torch-fidelity's own classes are filled with them, so that preprocessing and features are theirs.
"""

import hashlib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from facegen.core import optional_imports
from facegen.core.errors import DataError
from facegen.core.progress import Observer
from facegen.core.readable_files import open_bytes
from facegen.parts.metrics.extractor import Extractor
from facegen.parts.metrics.weight_files import cached_file, checked_tensors, digest, download, read_tensors

VARIABLE = "FACEGEN_EXTRACTORS"
_DINO = "https://dl.fbaipublicfiles.com/dinov2"
_CLIP = "https://openaipublic.azureedge.net/clip/models"
_PATCH_PIXELS, _HEAD_DIM, _PIXELS = 14, 64, 224


@dataclass(frozen=True)
class Published:
    """An extractor whose weights are published.

    Attributes:
        url: address of the weights.
        feature: name of its features in torch-fidelity.
        fill: makes the network of torch-fidelity's class from the file's tensors.
        sha256: hash of an archive that holds code, which is read only if it is this one; "" for a file of tensors.
    """

    url: str
    feature: str
    fill: Callable[[Any, Path, Mapping[str, Tensor]], None]
    sha256: str = ""


def extractor_path(word: str) -> tuple[str, Path | None]:
    """Read NAME or NAME=FILE of an extractor.

    Raises:
        DataError: the name is unknown, or the file does not exist.
    """
    name, separator, file = word.partition("=")
    if name not in PUBLISHED:
        raise DataError(f"extractor '{name}': is unknown; choose one of {', '.join(PUBLISHED)}")
    if not separator:
        return name, None
    if not Path(file).is_file():
        published = Path(PUBLISHED[name].url).name
        raise DataError(f"extractor {name}: '{file}' does not exist; name {published}, or the same as safetensors")
    return name, Path(file)


def find_extractor(name: str, path: Path | None, batch_size: int, observer: Observer) -> Extractor:
    """Build an extractor from a file of weights, from torch's cache, or from a download.

    Raises:
        NoWeightsError: there is no file, and the download fails.
        DataError: the file holds other weights.
    """
    published = PUBLISHED[name]
    if path is None:
        path = cached_file(published.url)
        if not path.is_file():
            remedy = f"--extractor {name}=PATH, or extractors = ['{name}=PATH'] of the [[metric]]"
            download(published.url, path, name, remedy, observer)
    network = _empty(name, published.feature)
    tensors = _read(path, published)
    published.fill(network, path, tensors)
    return Extractor(network.float(), ["features"], name=name, key=digest(tensors), batch_size=batch_size)


def _read(path: Path, published: Published) -> dict[str, Tensor]:
    """Read the tensors of a file; an archive with code only if it is the published one."""
    if not published.sha256 or path.suffix == ".safetensors":
        return read_tensors(path)
    with open_bytes(path) as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != published.sha256:
            raise DataError(
                f"{path}: is not the published file {published.url}; other archives could run code and are refused. "
                f"Name that file, or its tensors as safetensors"
            )
    tensors: dict[str, Tensor] = dict(torch.jit.load(path, map_location="cpu").state_dict())
    return tensors


def _empty(name: str, feature: str) -> Any:
    """Make an object of torch-fidelity's class without its loading of weights."""
    fidelity = optional_imports.torch_fidelity()
    kind: Any = fidelity.registry.FEATURE_EXTRACTORS_REGISTRY[name]
    network = kind.__new__(kind)
    fidelity.FeatureExtractorBase.__init__(network, name, [feature])
    network.feature_extractor_internal_dtype = torch.float32
    return network


def _fill_vgg16(network: Any, path: Path, tensors: Mapping[str, Tensor]) -> None:
    with torch.device("meta"):
        model = optional_imports.torchvision().models.vgg16()
    model.load_state_dict(checked_tensors(path, tensors, model.state_dict(), "VGG16"), assign=True)
    del model.classifier[4:]  # the features are those of the second fully connected layer
    network.model = model


def _fill_clip(network: Any, path: Path, tensors: Mapping[str, Tensor]) -> None:
    build: Any = optional_imports.torch_fidelity().feature_extractor_clip.build_model
    try:
        network.model = build(dict(tensors), torch.float32)
    except (KeyError, RuntimeError, IndexError, AttributeError) as error:
        raise DataError(f"{path}: does not hold the weights of CLIP ({error})") from None
    network.resolution = network.model.visual.input_resolution


def _fill_dinov2(network: Any, path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Fill torchvision's vision transformer, to which DINOv2 adds scales of the branches and a finer grid."""
    try:
        width, depth = tensors["cls_token"].shape[2], _depth(tensors)
    except (KeyError, IndexError, ValueError):
        raise DataError(f"{path}: does not hold the weights of DINOv2") from None
    with torch.device("meta"):
        model = optional_imports.torchvision().models.VisionTransformer(
            image_size=_PIXELS, patch_size=_PATCH_PIXELS, num_layers=depth, num_heads=max(width // _HEAD_DIM, 1),
            hidden_dim=width, mlp_dim=4 * width,
        )  # fmt: skip
        model.heads = nn.Identity()
    try:
        converted = _as_torchvision(tensors)
    except (KeyError, RuntimeError) as error:
        raise DataError(f"{path}: does not hold the weights of DINOv2 ({error})") from None
    model.load_state_dict(checked_tensors(path, converted, model.state_dict(), "DINOv2"), assign=True)
    network.model = model


def _depth(tensors: Mapping[str, Tensor]) -> int:
    return 1 + max(int(match[1]) for name in tensors if (match := re.match(r"blocks\.(\d+)\.", name)))


def _as_torchvision(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename DINOv2's tensors; the scale of a branch is multiplied into its last layer."""
    converted = {
        "class_token": tensors["cls_token"],
        "conv_proj.weight": tensors["patch_embed.proj.weight"],
        "conv_proj.bias": tensors["patch_embed.proj.bias"],
        "encoder.pos_embedding": _positions(tensors["pos_embed"]),
        "encoder.ln.weight": tensors["norm.weight"],
        "encoder.ln.bias": tensors["norm.bias"],
    }
    names = {
        "norm1.{}": "ln_1.{}", "attn.qkv.{}": "self_attention.in_proj_{}", "norm2.{}": "ln_2.{}",
        "mlp.fc1.{}": "mlp.0.{}",
    }  # fmt: skip
    scaled = {"attn.proj.{}": ("self_attention.out_proj.{}", "ls1.gamma"), "mlp.fc2.{}": ("mlp.3.{}", "ls2.gamma")}
    for block in range(_depth(tensors)):
        old, new = f"blocks.{block}.", f"encoder.layers.encoder_layer_{block}."
        for kind in ("weight", "bias"):
            for name, renamed in names.items():
                converted[new + renamed.format(kind)] = tensors[old + name.format(kind)]
            for name, (renamed, scale) in scaled.items():
                value, gamma = tensors[old + name.format(kind)], tensors[old + scale]
                converted[new + renamed.format(kind)] = gamma[:, None] * value if value.ndim == 2 else gamma * value
    return converted


def _positions(stored: Tensor) -> Tensor:
    """Resample the grid of positions, (1, 1 + M * M, d), to that of 224 pixels, with DINOv2's offset of .1."""
    side, grid = math.isqrt(stored.shape[1] - 1), _PIXELS // _PATCH_PIXELS
    scale = (grid + 0.1) / side
    cells = stored[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    cells = nn.functional.interpolate(cells, scale_factor=(scale, scale), mode="bicubic")
    return torch.cat([stored[:, :1], cells.permute(0, 2, 3, 1).flatten(1, 2)], dim=1)


PUBLISHED: Mapping[str, Published] = {
    "dinov2-vit-s-14": Published(f"{_DINO}/dinov2_vits14/dinov2_vits14_pretrain.pth", "dinov2", _fill_dinov2),
    "dinov2-vit-b-14": Published(f"{_DINO}/dinov2_vitb14/dinov2_vitb14_pretrain.pth", "dinov2", _fill_dinov2),
    "dinov2-vit-l-14": Published(f"{_DINO}/dinov2_vitl14/dinov2_vitl14_pretrain.pth", "dinov2", _fill_dinov2),
    "clip-vit-b-32": Published(
        f"{_CLIP}/40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af/ViT-B-32.pt", "clip", _fill_clip,
        "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af",
    ),
    "vgg16": Published("https://download.pytorch.org/models/vgg16-397923af.pth", "fc2_relu", _fill_vgg16),
}  # fmt: skip
"""{name in torch-fidelity: the extractor}. DINOv2's largest network has other layers, and is not among them."""
