"""Whether the compiled kernels give what NumPy gives, on real articles.

python benchmarks/agreement.py CORPUS

CORPUS is a file or a folder of articles. Every article is encoded and scored twice, with the kernels and
without; so is one article of 5,000 equal sentences, the worst case known.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from articles import first_texts
from tqdm import tqdm

from summarizer import InputError, Summarizer, compiled

EQUAL_SENTENCES = ["The ferry is back."] * 5000


@contextmanager
def in_numpy() -> Iterator[None]:
    """Leave the kernels alone for a while."""
    kernels, compiled.kernels = compiled.kernels, None
    try:
        yield
    finally:
        compiled.kernels = kernels


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parsed = parser.parse_args()
    if compiled.kernels is None:
        sys.exit("the kernels are not compiled; install a C compiler and the project again")
    summarizer = Summarizer.load()
    with in_numpy():
        interpreted = Summarizer.load()
    sentences = vectors = 0
    differences = []
    for text in tqdm(first_texts(parsed.corpus, sys.maxsize), unit="article"):
        try:
            document = summarizer.split(text)
        except InputError:
            continue
        (encoded,) = summarizer.encode([document])
        (scores,) = summarizer.score([document], [encoded])
        with in_numpy():
            (encoded_again,) = interpreted.encode([document])
            (scores_again,) = interpreted.score([document], [encoded_again])
        sentences += len(document.sentences)
        vectors += int((encoded.vectors != encoded_again.vectors).any(axis=1).sum())
        differences.append(np.abs(scores - scores_again))
    equal = [sentence.score for sentence in summarizer.evaluate_sentences(EQUAL_SENTENCES).sentences]
    with in_numpy():
        again = [sentence.score for sentence in interpreted.evaluate_sentences(EQUAL_SENTENCES).sentences]
    found = np.concatenate(differences)
    print("| sentences | other vectors | other scores | largest difference | of 5,000 equal sentences |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    worst = np.abs(np.subtract(equal, again)).max()
    print(f"| {sentences:,} | {vectors:,} | {(found > 0).sum():,} | {found.max():.0e} | {worst:.0e} |")


if __name__ == "__main__":
    main()
