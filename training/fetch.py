"""Corpora from installed packages, written as JSON Lines."""

import gzip
import json
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from summarizer.drafts import write_whole
from training.corpus import CorpusError

_SPLITS = ("train", "val", "test")
_SECTIONS = ("abstract", "introduction", "conclusion")

# The sentences are words with a space between them; these spaces were not in the papers.
_BEFORE = re.compile(r" (?=[,.;:?!%)\]}]|'(?:s|re|ve|ll|d|m)\b|n't\b)")
_AFTER = re.compile(r"(?<=[(\[{$]) ")
_QUOTED = re.compile(r'" ([^"]*?) "')
_LONE = re.compile(r"(?<!\S)'(?!\S)")
_LONE_PAIR = re.compile(r"(?<!\S)' ([^']*?) '(?!\S)")
_POSSESSIVE = re.compile(r"(?<=s) '(?!\S)")


def fetch_aclsum(out: Path) -> int:
    """Write the papers of ACLSum, with the sentences that its annotators highlighted as quotes.

    ACLSum (Takeshita et al., NAACL 2024, MIT licence) is in the package ``aclsum``: abstract, introduction
    and conclusion of 250 papers. A row is ``{"id": "aclsum/<paper>", "title", "text", "quotes"}``; the text
    has one sentence per line and a blank line between sections. A sentence that was highlighted for any of
    the three aspects is a quote, verbatim as in the text.

    :param out: file to write or replace; compressed if its name ends in ``.gz``.
    :returns: number of papers.
    :raises CorpusError: the package is missing or not as expected.
    """
    if not out.name.endswith((".jsonl", ".jsonl.gz")):
        raise CorpusError(f"{out} should be named *.jsonl or *.jsonl.gz")
    rows = list(_aclsum_rows())
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, gzip.compress(lines, mtime=0) if out.suffix == ".gz" else lines)
    return len(rows)


def _aclsum_rows() -> Iterator[dict[str, Any]]:
    try:
        data = resources.files("aclsum") / "dataset"
    except ModuleNotFoundError as error:
        raise CorpusError(
            f"the package {error.name} is not installed: in the project's folder, pip install '.[training]'"
        ) from error
    for split in _SPLITS:
        try:
            # Its own reader would do the same, but with the encoding of the system.
            lines = (data / f"{split}.jsonl").read_text(encoding="utf-8").split("\n")
            for line in filter(None, lines):
                yield _aclsum_row(json.loads(line))
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise CorpusError(
                f"the package aclsum does not contain {split}.jsonl as expected ({error!r});"
                " in the project's folder, pip install '.[training]'"
            ) from error


def _aclsum_row(paper: dict[str, Any]) -> dict[str, Any]:
    sections, quotes = [], []
    for section in _SECTIONS:
        sentences = [untokenized(sentence) for sentence in paper["sentences"][section]]
        labels = zip(*(aspect[section] for aspect in paper["highlights"].values()), strict=True)
        quotes += [sentence for sentence, label in zip(sentences, labels, strict=True) if any(label)]
        if sentences:
            sections.append("\n".join(sentences))
    return {
        "id": f"aclsum/{paper['id']}",
        "title": paper["title"] or None,
        "text": "\n\n".join(sections),
        "quotes": quotes,
    }


def untokenized(sentence: str) -> str:
    """English without the spaces that a tokenizer put around punctuation.

    >>> untokenized('We use no " rules " ( see Section 2 ) , but 50 % .')
    'We use no "rules" (see Section 2), but 50%.'
    """
    text = _QUOTED.sub(r'"\1"', sentence).replace(" can not ", " cannot ").replace(" ca n't ", " can't ")
    # A lone mark is an apostrophe, `users ' intentions`; two are a pair.
    one = len(_LONE.findall(text)) == 1
    text = _POSSESSIVE.sub("'", text) if one else _LONE_PAIR.sub(r"'\1'", text)
    return _AFTER.sub("", _BEFORE.sub("", text))
