"""Sentences to token ids, as a ``tokenizers.Tokenizer`` gives them, sooner for the tokenizer of BERT.

That one lower-cases, takes accents off, cuts at spaces and around every punctuation mark, and then cuts each
word into the longest pieces that its vocabulary has. For most European text the first steps can be done
character by character, so words are found and looked up by :mod:`summarizer.words`; only those that are not
in the vocabulary are cut by the tokenizer's model, and sentences with other characters go through all of the
tokenizer. Tests hold the two together.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain, islice, pairwise

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from summarizer.words import EUROPEAN_CODE_POINTS, LETTER, MARK, OTHER, SPACE, Alphabet, Words, WordTable

# Words that are remembered beside the vocabulary: about 10 MB.
_MOST_WORDS = 50_000

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
        words = self._words.alphabet.words(sentences)
        if self._special.search(words.text):
            return [self._whole(sentence) for sentence in sentences]
        ids = self._words.of(words)
        for place in words.others:
            ids[place] = self._whole(sentences[place])
        return ids

    def _whole(self, sentence: str) -> Ids:
        return np.array(self._tokenizer.encode(sentence, add_special_tokens=False).ids, np.int64)


class _WordIds:
    """Ids of words; of those that are not in the vocabulary, they are found when they are asked for."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        longest = tokenizer.model.max_input_chars_per_word
        vocabulary = {word: row for word, row in tokenizer.get_vocab().items() if len(word) <= longest}
        self._table = WordTable(list(vocabulary))
        self._ids = np.array([*vocabulary.values(), -1], np.int64)
        self._remembered: dict[int, list[int]] = {}  # by hash
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

    def _pieces(self, words: Words, unlisted: NDArray[np.int64]) -> list[list[int]]:
        """The ids of words that the vocabulary does not have as a whole, each at least one."""
        hashes: list[int] = words.hashes[unlisted].tolist()
        places = dict(zip(hashes, unlisted.tolist(), strict=True))
        pieces = {one: self._remembered[one] for one in places if one in self._remembered}
        new = [one for one in places if one not in pieces]
        if new:
            spans = ((words.starts[place], words.ends[place]) for place in map(places.__getitem__, new))
            cut = self._cut([words.text[start:end] for start, end in spans])
            pieces |= zip(new, cut, strict=True)
            room = max(_MOST_WORDS - len(self._remembered), 0)
            self._remembered |= islice(zip(new, cut, strict=True), room)
        return [pieces[one] for one in hashes]

    def _cut(self, words: Sequence[str]) -> list[list[int]]:
        """The ids of different words, each at least one. In one call, which costs as much as two words."""
        found = self._tokenizer.encode(" ".join(words), add_special_tokens=False)
        cut: dict[int | None, list[int]] = defaultdict(list)
        for word, row in zip(found.word_ids, found.ids, strict=True):
            cut[word].append(row)
        return list(cut.values())


def _is_of_bert(tokenizer: Tokenizer) -> bool:
    """Whether it is the tokenizer that this module knows."""
    normalizer, model = tokenizer.normalizer, tokenizer.model
    return (
        isinstance(normalizer, BertNormalizer)
        and normalizer.lowercase
        and isinstance(tokenizer.pre_tokenizer, BertPreTokenizer)
        and isinstance(model, WordPiece)
        and model.unk_token in tokenizer.get_vocab()
        and not any(token.normalized for token in tokenizer.get_added_tokens_decoder().values())
    )
