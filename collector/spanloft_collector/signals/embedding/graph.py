"""Builds the ONNX graph of all-MiniLM-L6-v2 from its weights: a BERT encoder, mean pooling, unit length.

Operators of the ``com.microsoft`` domain are used where onnxruntime has a fused one (attention, residual plus layer
norm, bias plus GELU), so that the graph is as fast as an optimised export without needing torch to export it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

LAYERS = 6
HEADS = 12
LAYER_NORM_EPSILON = 1e-12
GRAPH_VERSION = 1
"""Raise it when the graph changes: cached files of the old one are not used any more."""

_OPSET = 17
_CONTRIB = "com.microsoft"


class _Graph:
    """Collects nodes and weights; every method returns the name of the output it added."""

    def __init__(self, weights: dict[str, npt.NDArray[np.float32]]) -> None:
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value: npt.NDArray[Any]) -> str:
        """A tensor of the graph."""
        if name not in self.initializers:
            self.initializers[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def weight(self, name: str) -> str:
        """A tensor as the weights file has it."""
        return self.constant(name, self.weights[name])

    def add(self, kind: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        """One operator with one output."""
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, domain=domain, **attributes))
        return output

    def norm(self, prefix: str) -> list[str]:
        """Scale and bias of a layer norm."""
        return [self.weight(f"{prefix}.LayerNorm.weight"), self.weight(f"{prefix}.LayerNorm.bias")]

    def matrix(self, name: str) -> str:
        """A weight matrix, transposed: the file keeps them as (outputs, inputs)."""
        return self.constant(f"{name}.transposed", self.weights[name].T)


def build_graph(weights_file: Path) -> onnx.ModelProto:
    """The model as ONNX.

    Inputs: ``input_ids`` (int32, batch x tokens) and ``lengths`` (int32, batch), the number of tokens of each text,
    padded on the right. Output: ``vectors`` (float32, batch x 384), each of length 1.
    """
    weights = load_file(weights_file)
    graph = _Graph({name: value.astype(np.float32) for name, value in weights.items() if "position_ids" not in name})
    hidden = _embeddings(graph)
    for layer in range(LAYERS):
        hidden = _layer(graph, f"encoder.layer.{layer}", hidden)
    _pool(graph, hidden)
    made = helper.make_graph(
        graph.nodes,
        "all-MiniLM-L6-v2",
        [
            helper.make_tensor_value_info("input_ids", TensorProto.INT32, ["batch", "tokens"]),
            helper.make_tensor_value_info("lengths", TensorProto.INT32, ["batch"]),
        ],
        [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["batch", 384])],
        list(graph.initializers.values()),
    )
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_CONTRIB, 1)]
    return helper.make_model(made, opset_imports=opsets, ir_version=8)


def _embeddings(graph: _Graph) -> str:
    # Every token is of type 0, so that row is added to the positions once, here.
    positions = graph.weights["embeddings.position_embeddings.weight"]
    kind = graph.weights["embeddings.token_type_embeddings.weight"][0]
    words = graph.add("Gather", [graph.weight("embeddings.word_embeddings.weight"), "input_ids"], "words")
    shape = graph.add("Shape", ["input_ids"], "shape")
    one, two = graph.constant("one", np.array([1])), graph.constant("two", np.array([2]))
    tokens = graph.add("Slice", [shape, one, two], "tokens")
    start = graph.constant("zero", np.array([0]))
    table = graph.constant("positions", positions + kind)
    places = graph.add("Slice", [table, start, tokens], "places")
    summed = graph.add("Add", [words, places], "embedded")
    return graph.add(
        "LayerNormalization",
        [summed, *graph.norm("embeddings")],
        "embedded.normed",
        axis=-1,
        epsilon=LAYER_NORM_EPSILON,
    )


def _layer(graph: _Graph, name: str, hidden: str) -> str:
    attention = f"{name}.attention"
    packed = np.concatenate(
        [graph.weights[f"{attention}.self.{part}.weight"].T for part in ("query", "key", "value")], 1
    )
    bias = np.concatenate([graph.weights[f"{attention}.self.{part}.bias"] for part in ("query", "key", "value")])
    attended = graph.add(
        "Attention",
        [
            hidden,
            graph.constant(f"{attention}.qkv.weight", packed),
            graph.constant(f"{attention}.qkv.bias", bias),
            "lengths",
        ],
        f"{attention}.attended",
        _CONTRIB,
        num_heads=HEADS,
    )
    dense = f"{attention}.output"
    projected = graph.add("MatMul", [attended, graph.matrix(f"{dense}.dense.weight")], f"{dense}.projected")
    middle = _residual(graph, dense, hidden, projected)
    inner = f"{name}.intermediate.dense"
    widened = graph.add("MatMul", [middle, graph.matrix(f"{inner}.weight")], f"{inner}.widened")
    activated = graph.add("BiasGelu", [widened, graph.weight(f"{inner}.bias")], f"{inner}.activated", _CONTRIB)
    outer = f"{name}.output"
    narrowed = graph.add("MatMul", [activated, graph.matrix(f"{outer}.dense.weight")], f"{outer}.narrowed")
    return _residual(graph, outer, middle, narrowed)


def _residual(graph: _Graph, name: str, skip: str, added: str) -> str:
    inputs = [skip, added, *graph.norm(name), graph.weight(f"{name}.dense.bias")]
    return graph.add("SkipLayerNormalization", inputs, f"{name}.normed", _CONTRIB, epsilon=LAYER_NORM_EPSILON)


def _pool(graph: _Graph, hidden: str) -> None:
    one, zero = graph.constant("one", np.array([1])), graph.constant("zero", np.array([0]))
    scalar = graph.add("Squeeze", ["tokens", zero], "tokens.scalar")
    steps = graph.add(
        "Range", [graph.constant("first", np.array(0)), scalar, graph.constant("step", np.array(1))], "steps"
    )
    lengths = graph.add("Cast", ["lengths"], "lengths.wide", to=TensorProto.INT64)
    column = graph.add("Unsqueeze", [lengths, one], "lengths.column")
    real = graph.add("Less", [steps, column], "real")
    mask = graph.add("Cast", [real], "mask", to=TensorProto.FLOAT)
    wide = graph.add("Unsqueeze", [mask, one], "mask.row")
    # The length of the sum makes no difference to its direction, so it is not divided by the number of tokens.
    summed = graph.add("MatMul", [wide, hidden], "summed")
    flat = graph.add("Squeeze", [summed, one], "summed.flat")
    graph.add("LpNormalization", [flat], "vectors", axis=-1, p=2)
