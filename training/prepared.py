"""Articles ready for fitting: sentences, vectors and targets on disk; the only reader and writer of them.

::

    manifest.json    encoder and closeness they were made with, counts
    articles.jsonl   one article a line: id, title, quotes, sentences; in the order of the arrays
    vectors.npy      shape (N, D) float32, the sentences of all articles one after another
    targets.npy      shape (N,) float32, in [0, 1]
"""

import dataclasses
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from summarizer.drafts import draft_of
from summarizer.encoder import Encoder
from summarizer.errors import InputError
from summarizer.sentences import SentenceSplitter
from training.closeness import CLOSENESS
from training.corpus import Article

MANIFEST_FILE = "manifest.json"
ARTICLES_FILE = "articles.jsonl"
VECTORS_FILE = "vectors.npy"
TARGETS_FILE = "targets.npy"


class PreparedError(Exception):
    """A folder of prepared articles cannot be used; the message says which file and why."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the prepared articles were made with.

    :ivar encoder: its name; ``encoder_digest`` tells whether it is still the same.
    :ivar closeness: name of the function that made the targets.
    :ivar dimension: D.
    """

    encoder: str
    encoder_digest: str
    closeness: str
    dimension: int
    articles: int
    sentences: int


@dataclass(frozen=True, slots=True)
class PreparedArticle:
    """One article of T sentences.

    :ivar sentences: T strings.
    :ivar vectors: shape (T, D), float32.
    :ivar targets: shape (T,), float32, in [0, 1].
    """

    article: Article
    sentences: Sequence[str]
    vectors: NDArray[np.float32]
    targets: NDArray[np.float32]


def prepare(articles: Iterable[Article], encoder: Encoder, closeness: str, folder: Path) -> Manifest:
    """Split, encode and give targets to each article; write all of it to a folder.

    An article without a sentence is left out with a line on the progress bar. The folder appears whole
    or not at all.
    """
    splitter, score = SentenceSplitter(), CLOSENESS[closeness]
    vectors, targets = [], []
    with draft_of(folder, marker=MANIFEST_FILE) as draft:
        with (draft / ARTICLES_FILE).open("w", encoding="utf-8") as lines:
            for article in tqdm(articles, desc="prepare", unit="article"):
                try:
                    sentences = [sentence.text for sentence in splitter.document(article.text).sentences]
                except InputError as error:
                    tqdm.write(f"left out {article.id}: {error}")
                    continue
                vectors.append(encoder.encode(sentences).vectors)
                targets.append(score(sentences, article.quotes))
                row = {
                    "id": article.id,
                    "title": article.title,
                    "quotes": article.quotes,
                    "sentences": sentences,
                }
                lines.write(json.dumps(row, ensure_ascii=False) + "\n")
        if not vectors:
            raise PreparedError("no article to prepare")
        np.save(draft / VECTORS_FILE, np.concatenate(vectors))
        np.save(draft / TARGETS_FILE, np.concatenate(targets))
        manifest = Manifest(
            encoder.name, encoder.digest, closeness, encoder.dimension, len(vectors), sum(map(len, targets))
        )
        (draft / MANIFEST_FILE).write_text(json.dumps(dataclasses.asdict(manifest), indent=2) + "\n")
    return manifest


def load(folder: Path) -> tuple[Manifest, list[PreparedArticle]]:
    """Read what :func:`prepare` wrote; the vectors stay on disk until they are used.

    :raises PreparedError: a file is missing or does not fit the others.
    """
    try:
        manifest = Manifest(**json.loads((folder / MANIFEST_FILE).read_text()))
        vectors = np.load(folder / VECTORS_FILE, mmap_mode="r")
        targets = np.load(folder / TARGETS_FILE)
        rows = [
            json.loads(line) for line in (folder / ARTICLES_FILE).read_text(encoding="utf-8").splitlines()
        ]
    except (OSError, ValueError, TypeError) as error:
        raise PreparedError(
            f"{folder} does not hold prepared articles: {error}; run prepare again"
        ) from error
    counted = sum(len(row["sentences"]) for row in rows)
    if not len(vectors) == len(targets) == counted == manifest.sentences:
        raise PreparedError(
            f"{folder}: {manifest.sentences} sentences expected; found {counted} in {ARTICLES_FILE},"
            f" {len(vectors)} in {VECTORS_FILE}, {len(targets)} in {TARGETS_FILE}; run prepare again"
        )
    articles, start = [], 0
    for row in rows:
        end = start + len(row["sentences"])
        article = Article(row["id"], row["title"], "\n".join(row["sentences"]), tuple(row["quotes"]))
        articles.append(PreparedArticle(article, row["sentences"], vectors[start:end], targets[start:end]))
        start = end
    return manifest, articles
