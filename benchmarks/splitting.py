"""How well line breaks are understood, and how long monotonous text takes.

python benchmarks/splitting.py CORPORA

CORPORA is a folder of ``*.jsonl.gz`` with one sentence per line in ``poc``, ``sosum``, ``aclsum``,
``scitldr``, ``ami``, and paragraphs separated by blank lines in ``bbc`` and ``xsum``.
"""

import sys
import textwrap
import time
from pathlib import Path

from articles import first_texts

from summarizer.sentences import SentenceSplitter

ONE_SENTENCE_A_LINE = ("poc", "sosum", "aclsum.train", "scitldr.train", "ami")
PARAGRAPHS = ("bbc", "xsum")
COLUMNS = (60, 72, 80, 100)
MONOTONOUS = [
    "a",
    ". ",
    "?!",
    "a.\n",
    "A. ",
    "x!x",
    "?) ",
    ".)a",
    "word\n",
    "b! ",
    "\n",
    "1.1",
    "你好。",
    "\u200b",
]


def flat(text: str) -> str:
    """White space as single spaces."""
    return " ".join(text.split())


def main(folder: Path) -> None:
    """Print all tables."""
    splitter = SentenceSplitter()

    print("| one sentence a line | line breaks | inside a sentence |\n| --- | ---: | ---: |")
    for name in ONE_SENTENCE_A_LINE:
        articles = first_texts(folder / f"{name}.jsonl.gz", 300)
        inside = sum(s.text.count("\n") for article in articles for s in splitter.split(article))
        print(f"| {name} | {sum(article.count(chr(10)) for article in articles)} | {inside} |")

    paragraphs = [
        flat(paragraph)
        for name in PARAGRAPHS
        for article in first_texts(folder / f"{name}.jsonl.gz", 150)
        for paragraph in article.split("\n\n")
    ]
    paragraphs = [paragraph for paragraph in paragraphs if len(paragraph) >= 150]
    expected = [[s.text for s in splitter.split(paragraph)] for paragraph in paragraphs]
    print("\n| wrapped at | paragraphs | split as before wrapping |\n| ---: | ---: | ---: |")
    for columns in COLUMNS:
        wrapped = [textwrap.fill(paragraph, columns, break_on_hyphens=False) for paragraph in paragraphs]
        same = sum(
            [flat(s.text) for s in splitter.split(w)] == e for w, e in zip(wrapped, expected, strict=True)
        )
        print(f"| {columns} | {len(paragraphs)} | {same} ({same / len(paragraphs):.1%}) |")

    news = [text for name in ("bbc", "cnndm") for text in first_texts(folder / f"{name}.jsonl.gz", 500)]
    start = time.process_time()
    for text in news:
        splitter.split(text)
    seconds = time.process_time() - start
    megabytes = sum(map(len, news)) / 1e6
    print(f"\nnews: {megabytes / seconds:.2f} MB and {len(news) / seconds:.0f} articles per CPU second")

    print("\n| repeated | 128 KiB, s | 1 MiB, s |\n| --- | ---: | ---: |")
    for pattern in MONOTONOUS:
        cells = []
        for size in (2**17, 2**20):
            text = "It " + pattern * (size // len(pattern))
            start = time.process_time()
            splitter.split(text)
            cells.append(f"{time.process_time() - start:.2f}")
        print(f"| `{pattern!r}` | {' | '.join(cells)} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
