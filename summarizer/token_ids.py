"""From sentences to token ids, as a ``tokenizers.Tokenizer`` returns them, but faster for BERT's.

BERT's tokenizer lowercases, removes accents, splits at spaces and around punctuation marks, and then splits
each word into the longest pieces in its vocabulary. For most European text the first steps can be done
character by character, so :mod:`summarizer.words` finds the words. Only sentences with other characters go
through the whole tokenizer. Tests compare the two.
"""

import re
from array import array
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from itertools import chain, islice, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from summarizer import compiled
from summarizer.words import (
    EUROPEAN_CODE_POINTS,
    HASH_BASE,
    LETTER,
    MARK,
    OTHER,
    SPACE,
    Alphabet,
    Words,
    WordTable,
    joined,
)

# Most words that are cached in addition to the vocabulary, and the length of the longest.
_MOST_WORDS = 50_000
_LONGEST_WORD = 100

Ids = NDArray[np.int64]
_NONE: Ids = np.empty(0, np.int64)


class Tokens(NamedTuple):
    """The tokens of T sentences, one after the other.

    :ivar ids: shape (N,).
    :ivar counts: shape (T,), number of tokens of each sentence; they add up to N.
    """

    ids: Ids
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Sequence[Ids]) -> "Tokens":
        """Join the ids of each sentence."""
        return cls(np.concatenate([_NONE, *rows]), np.array([len(row) for row in rows], np.int64))

    def rows(self) -> list[Ids]:
        """The ids of each sentence."""
        edges = np.append(0, np.cumsum(self.counts)).tolist()
        return [self.ids[start:end] for start, end in pairwise(edges)]


class TokenIds:
    """The token ids of sentences, without special tokens. Thread-safe.

    :param tokenizer: must neither truncate nor pad.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._words = _WordIds(tokenizer) if _is_of_bert(tokenizer) else None
        special = (token.content for token in tokenizer.get_added_tokens_decoder().values())
        self._special = re.compile("|".join(map(re.escape, special)) or "(?!)")  # (?!) matches nothing

    def of(self, sentences: Sequence[str]) -> Tokens:
        """The ids of T sentences."""
        if self._words is None:
            batch = self._tokenizer.encode_batch_fast(list(sentences), add_special_tokens=False)
            return Tokens.of([np.array(encoding.ids, np.int64) for encoding in batch])
        others: set[int] = set()
        plain = sentences
        if self._special.search("\n".join(sentences)):
            others = {index for index, text in enumerate(sentences) if self._special.search(text)}
            plain = ["" if index in others else text for index, text in enumerate(sentences)]
        tokens, unreliable = self._words.of(plain)
        others.update(unreliable)
        if not others:
            return tokens
        rows = tokens.rows()
        for index in others:
            rows[index] = self._encode(sentences[index])
        return Tokens.of(rows)

    def _encode(self, sentence: str) -> Ids:
        return np.array(self._tokenizer.encode(sentence, add_special_tokens=False).ids, np.int64)


class _WordIds:
    """The token ids of words. Words that are not in the vocabulary are cut into the longest pieces that are.

    Without compiled kernels the tokenizer's model does that, and its answers are cached.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        model = tokenizer.model
        self._longest, prefix = model.max_input_chars_per_word, model.continuing_subword_prefix
        vocabulary = tokenizer.get_vocab(with_added_tokens=False)
        self._unknown = vocabulary[model.unk_token]
        vocabulary = {word: row for word, row in vocabulary.items() if len(word) <= self._longest}
        self._table = WordTable(list(vocabulary))
        self._ids = np.array([*vocabulary.values(), -1], np.int64)
        parts = {word[len(prefix) :]: row for word, row in vocabulary.items() if word.startswith(prefix)}
        self._parts = WordTable(list(parts))
        self._part_ids = np.array([*parts.values()], np.int64)
        self._remembered: dict[str, Sequence[int]] = {}
        normalizer, pre_tokenizer = tokenizer.normalizer, tokenizer.pre_tokenizer

        def classify(character: str) -> tuple[int, str]:
            form = normalizer.normalize_str(character)
            pieces = len(pre_tokenizer.pre_tokenize_str(f"a{form}a"))
            return {1: LETTER, 2: SPACE, 3: MARK}.get(pieces, OTHER), form

        self._alphabet = Alphabet.of(EUROPEAN_CODE_POINTS, classify)

    def of(self, sentences: Sequence[str]) -> tuple[Tokens, list[int]]:
        """The ids of the words of T sentences.

        :returns: also the indices of sentences with characters that the alphabet does not know.
        """
        if compiled.kernels is not None and self._longest <= compiled.LONGEST_WORD:
            return self._cut(compiled.kernels, sentences)
        words = self._alphabet.words(sentences)
        ids = self._ids.take(self._table.indices(words.hashes))
        unlisted = np.flatnonzero(ids < 0)
        if not unlisted.size:
            return Tokens(ids, words.counts), words.others
        pieces = self._pieces(words, unlisted)
        counts = np.ones(len(ids), np.int64)
        counts[unlisted] = [len(row) for row in pieces]
        ids = np.repeat(ids, counts)
        ids[ids < 0] = list(chain.from_iterable(pieces))
        ends = np.append(0, np.cumsum(counts)).take(np.cumsum(words.counts))
        return Tokens(ids, np.diff(ends, prepend=0)), words.others

    def _cut(self, kernels: compiled.Kernels, sentences: Sequence[str]) -> tuple[Tokens, list[int]]:
        """The same as :meth:`of`."""
        _, codes, edges = joined(sentences)
        ids = np.empty(len(codes), np.int64)
        counts, others = np.empty(len(sentences), np.int64), np.empty(len(sentences), np.bool_)
        total = kernels.find_tokens(
            HASH_BASE,
            self._longest,
            self._unknown,
            codes,
            self._alphabet.kinds,
            self._alphabet.values,
            edges,
            self._table.hashes,
            self._table.slots,
            self._parts.hashes,
            self._parts.slots,
            self._ids[:-1],
            self._part_ids,
            ids,
            counts,
            others,
        )
        return Tokens(ids[:total], counts), others.nonzero()[0].tolist()

    def _pieces(self, words: Words, unlisted: NDArray[np.int64]) -> list[Sequence[int]]:
        """The ids of words that are not in the vocabulary as a whole; at least one each."""
        spans = zip(words.starts[unlisted].tolist(), words.ends[unlisted].tolist(), strict=True)
        texts = [words.text[start:end] for start, end in spans]
        pieces = {text: self._remembered[text] for text in texts if text in self._remembered}
        new = list({text: None for text in texts if text not in pieces})
        if new:
            pieces |= zip(new, self._split(new), strict=True)
            room = max(_MOST_WORDS - len(self._remembered), 0)
            short = (text for text in new if len(text) <= _LONGEST_WORD)
            self._remembered |= {text: pieces[text] for text in islice(short, room)}
        return [pieces[text] for text in texts]

    def _split(self, words: Sequence[str]) -> list[Sequence[int]]:
        """The ids of distinct words, at least one each. One call for all is faster than one for each."""
        encoding = self._tokenizer.encode("\n".join(words), add_special_tokens=False)
        pieces: defaultdict[int | None, array[int]] = defaultdict(partial(array, "i"))
        for word, row in zip(encoding.word_ids, encoding.ids, strict=True):
            pieces[word].append(row)
        return list(pieces.values())


def _is_of_bert(tokenizer: Tokenizer) -> bool:
    """Whether it is the tokenizer that this module imitates. Added tokens must be single words."""
    normalizer, model = tokenizer.normalizer, tokenizer.model
    added = tokenizer.get_added_tokens_decoder().values()
    return (
        isinstance(normalizer, BertNormalizer)
        and normalizer.lowercase
        and isinstance(tokenizer.pre_tokenizer, BertPreTokenizer)
        and isinstance(model, WordPiece)
        and model.unk_token in tokenizer.get_vocab(with_added_tokens=False)
        and not any(token.normalized or len(token.content.split()) > 1 for token in added)
    )
