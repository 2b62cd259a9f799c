"""Options of a summary: its length, its order, how it avoids repetition, and as what the article is read."""

import sys
from dataclasses import dataclass, fields
from numbers import Integral
from typing import Literal, get_args

from summarizer.errors import InvalidOption

Order = Literal["document", "score"]
Redundancy = Literal["none", "trigram", "mmr"]

DEFAULT_SENTENCES = 3


@dataclass(frozen=True, slots=True)
class SummaryOptions:
    """How to choose a summary: at most one budget, an order, and a treatment of redundancy.

    Without a budget the summary has :data:`DEFAULT_SENTENCES` sentences.

    :ivar sentences: number of sentences, at least 1; all of them if the article has fewer.
    :ivar words: most words (runs of non-space characters) in the whole summary, at least 1.
    :ivar ratio: share of the article's sentences, in (0, 1], rounded down, but at least one.
    :ivar threshold: lowest score of a selected sentence, in [0, 1]; all that reach it are selected, except
        those that ``redundancy`` leaves out.
    :ivar order: ``document`` or ``score`` (best first).
    :ivar redundancy: ``none``: the scores alone decide; ``trigram``: skip a sentence that shares three
        consecutive words with one already chosen; ``mmr``: maximal marginal relevance, a sentence is worth
        less the more similar its vector is to those already chosen. Unless there is a threshold, the last two
        also take lines without an end mark last; see :mod:`summarizer.selection`.
    :ivar kind: name of the kind of text that the article is read as, one of
        :attr:`summarizer.pipeline.Summarizer.kinds`; by default the model recognizes it.
    :raises InvalidOption: an option has the wrong type or is out of range, or two budgets are given.
    """

    sentences: int | None = None
    words: int | None = None
    ratio: float | None = None
    threshold: float | None = None
    order: Order = "document"
    redundancy: Redundancy = "trigram"
    kind: str | None = None

    def __post_init__(self) -> None:
        for name in OPTION_NAMES:
            _check_digits(name, getattr(self, name))
        for name in ("sentences", "words"):
            object.__setattr__(self, name, _count(name, getattr(self, name)))
        _check_share("ratio", self.ratio, zero_allowed=False)
        _check_share("threshold", self.threshold, zero_allowed=True)
        _check_choice("order", self.order, get_args(Order))
        _check_choice("redundancy", self.redundancy, get_args(Redundancy))
        if self.kind is not None and not isinstance(self.kind, str):
            raise InvalidOption(f"kind must be a name; got {self.kind!r}", "kind")
        given = [name for name in BUDGETS if getattr(self, name) is not None]
        if len(given) > 1:
            raise InvalidOption(
                f"give at most one of {', '.join(BUDGETS)}; got {' and '.join(given)}", given[1]
            )


BUDGETS = ("sentences", "words", "ratio", "threshold")
OPTION_NAMES = tuple(field.name for field in fields(SummaryOptions))


def _check_digits(name: str, value: object) -> None:
    """Refuse an integer so long that Python does not print it: no message and no request could contain it."""
    try:
        repr(value)
    except ValueError:
        raise InvalidOption(f"{name} must have at most {sys.get_int_max_str_digits()} digits", name) from None


def _count(name: str, value: object) -> int | None:
    """The count as a plain int, for JSON; integers of NumPy are accepted."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise InvalidOption(f"{name} must be a whole number of at least 1; got {value!r}", name)
    return int(value)


def _check_share(name: str, value: object, *, zero_allowed: bool) -> None:
    if value is None:
        return
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= 1 or (value == 0 and not zero_allowed):  # type: ignore[operator]
        limits = "from 0 to 1" if zero_allowed else "above 0 and at most 1"
        raise InvalidOption(f"{name} must be a number {limits}; got {value!r}", name)


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InvalidOption(f"{name} must be one of {', '.join(choices)}; got {value!r}", name)


DEFAULT_OPTIONS = SummaryOptions()
