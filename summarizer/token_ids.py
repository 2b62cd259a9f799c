"""From sentences to token ids, as a ``tokenizers.Tokenizer`` returns them, but faster for BERT's.

BERT's tokenizer lowercases, removes accents, splits at spaces and around punctuation marks, and then splits
each word into the longest pieces in its vocabulary. For most European text the first steps can be done
character by character, so :mod:`summarizer.words` finds the words and looks them up. Only words that are not
in the vocabulary are split by the tokenizer's model, and sentences with other characters go through the whole
tokenizer. Tests compare the two.
"""

import re
from array import array
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from itertools import chain, islice, pairwise

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from summarizer.words import EUROPEAN_CODE_POINTS, LETTER, MARK, OTHER, SPACE, Alphabet, Words, WordTable

# Most words that are cached in addition to the vocabulary, and the length of the longest.
_MOST_WORDS = 50_000
_LONGEST_WORD = 100

Ids = NDArray[np.int64]


class TokenIds:
    """The token ids of sentences, without special tokens. Thread-safe.

    :param tokenizer: must neither truncate nor pad.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._words = _WordIds(tokenizer) if _is_of_bert(tokenizer) else None
        special = (token.content for token in tokenizer.get_added_tokens_decoder().values())
        self._special = re.compile("|".join(map(re.escape, special)) or "(?!)")  # (?!) matches nothing

    def of(self, sentences: Sequence[str]) -> list[Ids]:
        """The ids of each of T sentences."""
        if self._words is None:
            batch = self._tokenizer.encode_batch_fast(list(sentences), add_special_tokens=False)
            return [np.array(encoding.ids, np.int64) for encoding in batch]
        others: set[int] = set()
        plain = sentences
        if self._special.search("\n".join(sentences)):
            others = {index for index, text in enumerate(sentences) if self._special.search(text)}
            plain = ["" if index in others else text for index, text in enumerate(sentences)]
        words = self._words.alphabet.words(plain)
        ids = self._words.of(words)
        for index in others.union(words.others):
            ids[index] = self._encode(sentences[index])
        return ids

    def _encode(self, sentence: str) -> Ids:
        return np.array(self._tokenizer.encode(sentence, add_special_tokens=False).ids, np.int64)


class _WordIds:
    """The token ids of words. Words that are not in the vocabulary are split when they occur, and cached."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        longest = tokenizer.model.max_input_chars_per_word
        vocabulary = {
            word: row
            for word, row in tokenizer.get_vocab(with_added_tokens=False).items()
            if len(word) <= longest
        }
        self._table = WordTable(list(vocabulary))
        self._ids = np.array([*vocabulary.values(), -1], np.int64)
        self._remembered: dict[str, Sequence[int]] = {}
        normalizer, pre_tokenizer = tokenizer.normalizer, tokenizer.pre_tokenizer

        def classify(character: str) -> tuple[int, str]:
            form = normalizer.normalize_str(character)
            pieces = len(pre_tokenizer.pre_tokenize_str(f"a{form}a"))
            return {1: LETTER, 2: SPACE, 3: MARK}.get(pieces, OTHER), form

        self.alphabet = Alphabet.of(EUROPEAN_CODE_POINTS, classify)

    def of(self, words: Words) -> list[Ids]:
        """The ids of the words of each sentence."""
        ids = self._ids.take(self._table.indices(words.hashes))
        ends = np.cumsum(words.counts)
        unlisted = np.flatnonzero(ids < 0)
        if unlisted.size:
            pieces = self._pieces(words, unlisted)
            counts = np.ones(len(ids), np.int64)
            counts[unlisted] = [len(row) for row in pieces]
            ids = np.repeat(ids, counts)
            ids[ids < 0] = list(chain.from_iterable(pieces))
            ends = np.append(0, np.cumsum(counts)).take(ends)
        return [ids[start:end] for start, end in pairwise([0, *ends.tolist()])]

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
