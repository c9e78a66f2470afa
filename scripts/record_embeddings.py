"""Record what sentence-transformers makes of some texts: the reference of our onnxruntime route.

    python scripts/record_embeddings.py tests/reference/minilm.npz

Needs sentence-transformers and the weights' package; run it again when TEXTS change.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from spanloft_collector.signals.embedding.weights import find_weights

TEXTS = [
    "",
    "a",
    "Where is my parcel?",
    "i lost my luggage at the airport, what should i do",
    "WHY WAS I CHARGED TWICE!!!",
    "Kannst du mir bitte sagen, wann der Laden öffnet?",
    "¿Dónde está mi pedido número 12345?",
    "我的包裹在哪里？",
    "Где моя посылка?",
    "أين طردي؟",
    "🙂🙂🙂",
    "def add(a, b):\n    return a + b",
    '{"role": "user", "content": "hello"}',
    "naïve café résumé",
    "x" * 300,
    "The quick brown fox jumps over the lazy dog. " * 12,
]


def main() -> int:
    """Write the file that is named."""
    from sentence_transformers import SentenceTransformer

    weights = find_weights(Path("."))
    if weights is None or len(sys.argv) != 2:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    vectors = SentenceTransformer(str(weights)).encode(TEXTS, normalize_embeddings=True)
    np.savez_compressed(sys.argv[1], texts=np.array(TEXTS), vectors=np.asarray(vectors, np.float32))
    return 0


if __name__ == "__main__":
    sys.exit(main())
