"""The contract of an embedder, and the identity of a model that stands beside every vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model made a vector. Vectors whose identities differ in any field are never compared."""

    name: str
    version: str
    """Of the weights: the first twelve hex digits of their SHA-256, or the version their source gives them."""
    quantization: str
    """``fp32`` or ``int8``."""
    dimensions: int

    @property
    def key(self) -> str:
        """One string for all fields but the dimensions."""
        return f"{self.name}@{self.version}/{self.quantization}"


class Embedder(Protocol):
    """Turns texts into unit vectors."""

    identity: ModelIdentity

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of ``texts``: float32, shape (n, dimensions), each of length 1; no texts give shape (0, dimensions).

        A text longer than the model reads at once is cut into chunks whose vectors are pooled.
        """
