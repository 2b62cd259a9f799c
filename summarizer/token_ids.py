"""Sentences to token ids, as a ``tokenizers.Tokenizer`` gives them, sooner for the tokenizer of BERT.

That one lower-cases, takes accents off, cuts at spaces and around every punctuation mark, and then cuts each
word into the longest pieces that its vocabulary has. For most European text the first steps can be done
character by character, so words are found and looked up by :mod:`summarizer.words`; only those that are not
in the vocabulary are cut by the tokenizer's model, and sentences with other characters go through all of the
tokenizer. Tests hold the two together.
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

# Words that are remembered beside the vocabulary, and the longest of them.
_MOST_WORDS = 50_000
_LONGEST_WORD = 100

Ids = NDArray[np.int64]


class TokenIds:
    """The token ids of sentences, without special tokens. Thread-safe.

    :param tokenizer: neither truncates nor pads.
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
            return [np.array(found.ids, np.int64) for found in batch]
        others: set[int] = set()
        plain = sentences
        if self._special.search("\n".join(sentences)):
            others = {place for place, text in enumerate(sentences) if self._special.search(text)}
            plain = ["" if place in others else text for place, text in enumerate(sentences)]
        words = self._words.alphabet.words(plain)
        ids = self._words.of(words)
        for place in others.union(words.others):
            ids[place] = self._whole(sentences[place])
        return ids

    def _whole(self, sentence: str) -> Ids:
        return np.array(self._tokenizer.encode(sentence, add_special_tokens=False).ids, np.int64)


class _WordIds:
    """Ids of words; of those that are not in the vocabulary, they are found when they are asked for."""

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

        def look(character: str) -> tuple[int, str]:
            form = normalizer.normalize_str(character)
            pieces = len(pre_tokenizer.pre_tokenize_str(f"a{form}a"))
            return {1: LETTER, 2: SPACE, 3: MARK}.get(pieces, OTHER), form

        self.alphabet = Alphabet.of(EUROPEAN_CODE_POINTS, look)

    def of(self, words: Words) -> list[Ids]:
        """The ids of the words of each sentence."""
        ids = self._ids.take(self._table.places(words.hashes))
        ends = np.cumsum(words.numbers)
        unlisted = np.flatnonzero(ids < 0)
        if unlisted.size:
            pieces = self._pieces(words, unlisted)
            numbers = np.ones(len(ids), np.int64)
            numbers[unlisted] = [len(found) for found in pieces]
            ids = np.repeat(ids, numbers)
            ids[ids < 0] = list(chain.from_iterable(pieces))
            ends = np.append(0, np.cumsum(numbers)).take(ends)
        return [ids[start:end] for start, end in pairwise([0, *ends.tolist()])]

    def _pieces(self, words: Words, unlisted: NDArray[np.int64]) -> list[Sequence[int]]:
        """The ids of words that the vocabulary does not have as a whole, each at least one."""
        spans = zip(words.starts[unlisted].tolist(), words.ends[unlisted].tolist(), strict=True)
        texts = [words.text[start:end] for start, end in spans]
        pieces = {text: self._remembered[text] for text in texts if text in self._remembered}
        new = list({text: None for text in texts if text not in pieces})
        if new:
            cut = self._cut(new)
            pieces |= zip(new, cut, strict=True)
            room = max(_MOST_WORDS - len(self._remembered), 0)
            short = (text for text in new if len(text) <= _LONGEST_WORD)
            self._remembered |= {text: pieces[text] for text in islice(short, room)}
        return [pieces[text] for text in texts]

    def _cut(self, words: Sequence[str]) -> list[Sequence[int]]:
        """The ids of different words, each at least one. In one call, which costs less than one for each."""
        found = self._tokenizer.encode("\n".join(words), add_special_tokens=False)
        cut: defaultdict[int | None, array[int]] = defaultdict(partial(array, "i"))
        for word, row in zip(found.word_ids, found.ids, strict=True):
            cut[word].append(row)
        return list(cut.values())


def _is_of_bert(tokenizer: Tokenizer) -> bool:
    """Whether it is the tokenizer that this module knows; tokens may be added that are no phrases."""
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
