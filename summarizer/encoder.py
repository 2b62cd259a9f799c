"""From sentences to vectors: a small protocol, and the static encoder of the default checkpoint.

A static encoder is a table with one row per token; a sentence's vector is the mean of its tokens'
rows. Its folder has the layout of sentence-transformers' ``StaticEmbedding`` (``model.safetensors`` with
``embedding.weight``, ``tokenizer.json``), but neither loading nor encoding imports that package.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from summarizer import compiled
from summarizer.errors import CheckpointDamaged, CheckpointNotFound
from summarizer.tensors import read_tensors
from summarizer.token_ids import TokenIds, Tokens

WEIGHTS_FILE = "model.safetensors"
TOKENIZER_FILE = "tokenizer.json"
TABLE = "embedding.weight"


class Encoded(NamedTuple):
    """T encoded sentences.

    :ivar vectors: shape (T, D), float32.
    :ivar truncated: shape (T,), bool; whether only the beginning of a sentence was read.
    """

    vectors: NDArray[np.float32]
    truncated: NDArray[np.bool_]


class Encoder(Protocol):
    """Anything that turns sentences into vectors of one width.

    :ivar name: a human-readable name.
    :ivar dimension: D, the width of the vectors.
    :ivar digest: sha256 (hexadecimal), different whenever the vectors may differ.
    """

    @property
    def name(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    @property
    def digest(self) -> str: ...

    def encode(self, sentences: Sequence[str]) -> Encoded:
        """Vectors of T sentences.

        A sentence has the same vector whatever it is encoded together with: exactly for a
        :class:`StaticEncoder`, and on a CPU for usual transformers; for others up to rounding, by less than
        1e-5.
        """
        ...


class StaticEncoder:
    """Averages the rows of a token table. Reads sentences of any length to the end.

    :param tokenizer: its token ids are rows of the table; truncation and padding are switched off.
    :param table: shape (V, D); it is copied to float32.
    :param digest: sha256 of the files that it was loaded from.
    """

    def __init__(self, tokenizer: Tokenizer, table: NDArray[np.floating], name: str, digest: str) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._token_ids = TokenIds(tokenizer)
        self._table = compiled.aligned(table)
        self.name = name
        self.digest = digest

    @classmethod
    def load(cls, folder: Path, name: str) -> "StaticEncoder":
        """Read a table and its tokenizer.

        :param folder: contains ``model.safetensors`` and ``tokenizer.json``.
        :raises CheckpointNotFound: one of the two files is missing.
        :raises CheckpointDamaged: one of them cannot be read, or the tokenizer has ids outside the table.
        """
        table = read_table(folder / WEIGHTS_FILE)
        tokenizer = _read_tokenizer(folder / TOKENIZER_FILE)
        highest = max(tokenizer.get_vocab().values(), default=-1)
        if highest >= len(table):
            raise CheckpointDamaged(
                f"{folder / TOKENIZER_FILE} has token id {highest}, but {TABLE} has only {len(table)} rows;"
                " the two files do not belong together"
            )
        return cls(tokenizer, table, name, digest_of([folder / WEIGHTS_FILE, folder / TOKENIZER_FILE]))

    @property
    def dimension(self) -> int:
        return int(self._table.shape[1])

    def encode(self, sentences: Sequence[str]) -> Encoded:
        """See :meth:`Encoder.encode`. A sentence without a known token gets the zero vector."""
        tokens = self._token_ids.of(sentences)
        vectors = np.zeros((len(sentences), self.dimension), np.float32)
        if compiled.kernels is None:
            self._add_means(tokens, vectors)
        else:
            compiled.kernels.mean_rows(compiled.WIDEST, self.dimension, self._table, *tokens, vectors)
        return Encoded(vectors, np.zeros(len(sentences), dtype=np.bool_))

    def _add_means(self, tokens: Tokens, vectors: NDArray[np.float32]) -> None:
        """The mean of the rows of each sentence, into zeros."""
        # One buffer, used for every sentence in turn, stays in the cache.
        rows = np.empty((tokens.counts.max(initial=0), self.dimension), np.float32)
        for row, vector in zip(tokens.rows(), vectors, strict=True):
            token_rows = self._table.take(row, axis=0, out=rows[: len(row)], mode="clip")
            np.add.reduce(token_rows, axis=0, out=vector)
        vectors /= np.maximum(tokens.counts, 1).astype(np.float32)[:, None]


def digest_of(files: Sequence[Path]) -> str:
    """sha256 (hexadecimal) of the sha256 digests of some files, in the given order."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(bytes.fromhex(sha256_of(file)))
    return digest.hexdigest()


def sha256_of(file: Path) -> str:
    """sha256 (hexadecimal) of a file's contents."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_table(file: Path) -> NDArray[np.floating]:
    """The table of a static encoder, shape (V, D), in the precision in which it is stored.

    :raises CheckpointNotFound: the file does not exist.
    :raises CheckpointDamaged: it cannot be read, or contains something else.
    """
    if not file.is_file():
        raise CheckpointNotFound(f"{file} is missing; a static encoder needs it")
    tensors = read_tensors(file)
    if tensors.keys() != {TABLE}:
        raise CheckpointDamaged(f"{file} should contain only the tensor {TABLE}; found {sorted(tensors)}")
    table = tensors[TABLE]
    if table.ndim != 2 or not np.issubdtype(table.dtype, np.floating):
        raise CheckpointDamaged(
            f"{file}: {TABLE} should be a matrix of floats (V, D);"
            f" found {table.dtype} of shape {tuple(table.shape)}"
        )
    return table


def _read_tokenizer(file: Path) -> Tokenizer:
    if not file.is_file():
        raise CheckpointNotFound(f"{file} is missing; a static encoder needs it")
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # the package raises bare Exception for any fault in the file
        raise CheckpointDamaged(f"{file} is not a readable tokenizer: {error}") from error
