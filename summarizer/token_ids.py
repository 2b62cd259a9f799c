"""Sentences to token ids, as a ``tokenizers.Tokenizer`` gives them, sooner for the tokenizer of BERT.

That one lower-cases, cuts at spaces and around every punctuation mark, and then cuts each word into the
longest pieces that its vocabulary has. For text of printable ASCII and typographic punctuation a regular
expression and a dictionary come to the same; any other word goes through the tokenizer. Tests hold the two
together.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import chain

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

# Words that are remembered beside the vocabulary, about 10 MB, and the longest of them.
_MOST_WORDS = 50_000
_LONGEST_WORD = 100

_PLAIN = re.compile(r"[ -~‘’“”–—…]*")
_WORDS_AND_MARKS = re.compile(r"[a-z0-9]+|[^a-z0-9 ]")


class TokenIds:
    """The token ids of sentences, without special tokens. Thread-safe.

    :param tokenizer: neither truncates nor pads.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._words = _Words(tokenizer) if _is_of_bert(tokenizer) else None
        special = (token.content for token in tokenizer.get_added_tokens_decoder().values())
        self._special = re.compile("|".join(map(re.escape, special)) or "(?!)")  # (?!) matches nothing

    def of(self, sentences: Sequence[str]) -> Iterator[list[int]]:
        """The ids of each of T sentences."""
        if self._words is None:
            found = self._tokenizer.encode_batch_fast(list(sentences), add_special_tokens=False)
            yield from (one.ids for one in found)
            return
        for sentence in sentences:
            if self._special.search(sentence):
                yield self._tokenizer.encode(sentence, add_special_tokens=False).ids
            else:
                yield list(chain.from_iterable(map(self._words.__getitem__, _words(sentence))))


class _Words(dict[str, list[int]]):
    """Ids of words, lower-cased; those that are not of the vocabulary are found when they are asked for."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        model = tokenizer.model
        self._tokenizer = tokenizer
        self._longest = model.max_input_chars_per_word
        prefix, vocabulary = model.continuing_subword_prefix, tokenizer.get_vocab()
        self._unknown = [vocabulary[model.unk_token]]
        # What a word may begin with, and what it may go on with.
        self._beginnings = {
            word: number for word, number in vocabulary.items() if not word.startswith(prefix)
        }
        self._continuations = {
            word.removeprefix(prefix): number
            for word, number in vocabulary.items()
            if word.startswith(prefix)
        }
        super().__init__((word, [number]) for word, number in self._beginnings.items())
        self._room = len(self) + _MOST_WORDS

    def __missing__(self, word: str) -> list[int]:
        if _PLAIN.fullmatch(word):
            ids = self._cut(word)
        else:
            ids = self._tokenizer.encode(word, add_special_tokens=False).ids
        if len(self) < self._room and len(word) <= _LONGEST_WORD:
            self[word] = ids
        return ids

    def _cut(self, word: str) -> list[int]:
        """The longest piece that the vocabulary has, then the longest of what is left, and so on."""
        if not word or len(word) > self._longest:
            return self._unknown
        ids: list[int] = []
        start, known = 0, self._beginnings
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = known.get(word[start:end])
                if piece is not None:
                    ids.append(piece)
                    break
            else:
                return self._unknown
            start, known = end, self._continuations
        return ids


def _words(sentence: str) -> list[str]:
    """Plain words and marks, lower-cased; whatever is not plain from space to space, as it is."""
    if _PLAIN.fullmatch(sentence):
        return _WORDS_AND_MARKS.findall(sentence.lower())
    words: list[str] = []
    for word in sentence.split(" "):
        if _PLAIN.fullmatch(word):
            words += _WORDS_AND_MARKS.findall(word.lower())
        else:
            words.append(word)
    return words


def _is_of_bert(tokenizer: Tokenizer) -> bool:
    """Whether it is the tokenizer that this module knows, special tokens without spaces included."""
    normalizer, model = tokenizer.normalizer, tokenizer.model
    return (
        isinstance(normalizer, BertNormalizer)
        and normalizer.lowercase
        and isinstance(tokenizer.pre_tokenizer, BertPreTokenizer)
        and isinstance(model, WordPiece)
        and model.unk_token in tokenizer.get_vocab()
    )
