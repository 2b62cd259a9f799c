"""Which pieces of an article are lines and not sentences: titles, captions, headings."""

import re
from collections.abc import Iterable

from summarizer.typography import END_MARKS

# More than the features know, which a trained network depends on. A colon introduces what follows: a sentence
# does that. A semicolon is the question mark of Greek.
_END_MARKS = "".join(END_MARKS) + "⋯།᠃᠉⁇‼⸮❓❗:：;；"
_TAIL = 40  # characters at the end that are looked at
_FINISHED = re.compile(
    rf"[{_END_MARKS}][\W_]*\Z"  # quotation marks, brackets, emphasis, emoji, end signs may follow
    # So may the mark of a note, as in `mortality.1,2` and `mortality.[3]`, but `Version 2.0` is none.
    r"|(?<=[^\W\d_])[.…。?!][\"'”’)»]*[\d¹²³⁰⁴-⁹,–\-*†‡§()\[\]]{1,12}[\W_]*\Z"
)

# No title has more words; a longer piece is a sentence that has lost its end.
_MOST_WORDS = 20


def are_lines(texts: Iterable[str]) -> list[bool]:
    """Whether each piece has no end mark, and at most twenty words.

    >>> are_lines(["Ferry back at last", "It is back.", "“Is it?” 🚢", "It was late.[2]", "He said:"])
    [True, False, False, False, False]
    """
    return [not _FINISHED.search(text[-_TAIL:]) and len(text.split()) <= _MOST_WORDS for text in texts]
