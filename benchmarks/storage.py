"""What the table of the shipped encoder loses by being stored in fewer bits.

python benchmarks/storage.py RUN

Validation articles of a run whose encoder is static: bytes of the table, how far scores move from those with
the table in single precision, how many summaries stay the same, and ROUGE-2. One thread.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tqdm import tqdm

from summarizer.encoder import TOKENIZER_FILE, StaticEncoder, read_table
from summarizer.model import SentenceScorer, network_input
from summarizer.options import SummaryOptions
from summarizer.selection import select
from training.evaluation import summary_sentences
from training.metrics import RougeMeter
from training.prepared import PreparedArticle
from training.runs import CHECKPOINT_FOLDER, open_run

Table = NDArray[np.float32]


def in_integers(table: Table, bits: int) -> Table:
    """Each row in whole numbers of this many bits, times its own scale."""
    most = 2 ** (bits - 1) - 1
    scale = np.abs(table).max(axis=1, keepdims=True) / most
    rounded: Table = np.round(table / np.maximum(scale, 1e-12)).astype(np.float32) * scale
    return rounded


STORED: dict[str, tuple[float, Callable[[Table], Table]]] = {
    "float32": (4, lambda table: table),
    "float16": (2, lambda table: table.astype(np.float16).astype(np.float32)),
    "int8": (1, lambda table: in_integers(table, 8)),
    "int4": (0.5, lambda table: in_integers(table, 4)),
}


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="folder that fit wrote")
    parsed = parser.parse_args()
    _, loaded, splits = open_run(parsed.run)
    folder = parsed.run / CHECKPOINT_FOLDER / "encoder"
    table = read_table(folder / "model.safetensors").astype(np.float32)
    print("| stored as | MB | largest and mean change of a score | same summary | R-2, mean over sources |")
    print("| --- | ---: | --- | ---: | ---: |")
    first: list[tuple[NDArray[np.float64], tuple[int, ...]]] = []
    for name, (size, stored) in STORED.items():
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
        encoder = StaticEncoder(tokenizer, stored(table), name, "")
        found, rouge = measured(splits["validation"], encoder, loaded.scorer, name)
        first = first or found
        moves = np.concatenate([np.abs(one[0] - other[0]) for one, other in zip(found, first, strict=True)])
        same = np.mean([one[1] == other[1] for one, other in zip(found, first, strict=True)])
        print(
            f"| {name} | {size * table.size / 1e6:.1f} | {moves.max():.4f}, {moves.mean():.5f} | {same:.1%} |"
            f" {rouge:.2f} |"
        )


def measured(
    articles: Sequence[PreparedArticle], encoder: StaticEncoder, scorer: SentenceScorer, name: str
) -> tuple[list[tuple[NDArray[np.float64], tuple[int, ...]]], float]:
    """Scores and selected positions of each article, and ROUGE-2 F1 in percent."""
    meter = RougeMeter()
    found, rouge = [], defaultdict(list)
    for article in tqdm(articles, desc=name, unit="article", leave=False):
        vectors = encoder.encode(article.sentences).vectors
        kind = scorer.kind_of(article.sentences, vectors, article.features)
        inputs = network_input(vectors, article.features, scorer.config, kind)
        scores = scorer.score(inputs).astype(np.float64)
        source = article.source
        options = SummaryOptions(sentences=summary_sentences(source))
        chosen = select(scores, article.sentences, vectors, options)
        summary = [article.sentences[index] for index in chosen]
        rouge[source].append(100 * meter.score(summary, article.quotes).rouge2)
        found.append((scores, chosen))
    return found, float(np.mean([np.mean(values) for values in rouge.values()]))


if __name__ == "__main__":
    main()
