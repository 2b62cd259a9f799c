"""Lines that web pages print around and inside an article, so that the model learns not to select them.

Corpora with quotes are clean; the articles that callers send are not always. So some training articles get
such lines, made from patterns written for this purpose, with random names and numbers.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

FIRST = "Anna Ben Chloe Daniel Elena Farid Grace Hugo Imani James Keiko Luis Maria Nadia Omar Priya".split()
LAST = (
    "Adeyemi Brown Costa Dietrich Evans Fischer Garcia Hughes Ito Jones Kaur Lopez Meyer Novak Okafor".split()
)
OUTLETS = "Daily Courier;Evening Post;Herald;Morning Star News;City Gazette;Tribune Online;Newsline".split(
    ";"
)
AGENCIES = "AP;AFP;Reuters;Getty Images;PA;EPA;Rex Features;Alamy".split(";")
MONTHS = "January February March April May June July August September October November December".split()
TOPICS = "Politics Business Sport Technology Health Travel Culture World Science Opinion".split()
FORMS = "Analysis Comment Exclusive Explainer Interview Live Obituary Opinion Recipe Report Review".split()
LABELS = "Above Aftermath Champion Flashback Gallery Graphic Inset Joy Rival Sorrow Tribute Video".split()
CLUBS = "Albion Athletic City County Rangers Rovers Town United".split()

# Before the text.
HEAD = (
    "By {name}",
    "By .",
    "By {name} and {name}",
    "By {name} for {outlet}",
    "{outlet} Reporter",
    "{name}, {outlet}",
    "PUBLISHED:",
    "PUBLISHED: {time}, {date}",
    "UPDATED: {time}, {date}",
    "Last updated at {time} on {date}",
    "{date}",
    "{time}, {date}",
    "{number} min read",
    "{topic}",
    "|",
    "Image copyright {agency}",
    "Story highlights",
    "Listen to this article",
    "Share",
    "{number} shares",
    "{number} View comments",
    "{headline}",
    "{form}: {headline}",
    "{headline} | {outlet}",
    "Present: {name}, {name}, {name}",
    "Serves {digit}",
)
# Between paragraphs.
INSIDE = (
    "{heading}",
    "{heading}",
    "{heading}",
    "{digit}. {heading}",
    "{digit}) {heading}",
    "{heading}:",
    "{digit}. {headline}",
    "Step {digit}: {heading}",
    "{heading}?",
    "Q: {headline}?",
    "Q: {headline}?",
    "{label}: {echo}",
    "{label}: {echo}",
    "{last} {club} {digit} {last} {club} {digit}",
    "Scroll down for video",
    "SCROLL DOWN FOR VIDEO",
    "Advertisement",
    "Article continues below",
    "Read more: {echo}",
    "READ MORE: {echo}",
    "Pictured: {echo}",
    "Pictured, {name} ({agency})",
    "{name}, left, with {name}, right, in {date}",
    "Image caption {echo}",
    "(Photo: {agency})",
    "Photograph: {name}/{agency}",
    "Click here to sign up for our newsletter.",
    "Sign up to our free {topic} newsletter",
    "WATCH: {echo}",
    "Media playback is unsupported on your device",
    "Related: {echo}",
    "Like us on Facebook",
    "Follow {name} on Twitter @{handle}",
)
# After the text.
TAIL = (
    "Click here to comment on this story.",
    "Comments ({number})",
    "Comments are closed.",
    "Share this article",
    "Share or comment on this article",
    "Most viewed in {topic}",
    "© {year} {outlet}. All rights reserved.",
    "Copyright {year} {outlet}",
    "Follow us on Twitter and Facebook for more {topic} news.",
    "Got a story? Email {handle}@example.com",
    "For more {topic} news, visit our home page.",
    "{agency} contributed to this report.",
    "Additional reporting by {name}",
    "The views expressed in this article are those of the author.",
    "Subscribe now for unlimited access.",
    "Terms of use | Privacy policy | Cookies",
    "Sorry, comments are not open on this article.",
)

# At most this many lines before, inside and after an article.
MOST_LINES = (4, 3, 3)

# How often the title precedes the text; without a known title, a made-up headline.
TITLE_SHARE, HEADLINE_SHARE = 0.9, 0.6

# How a line may end: pages differ, and scraped corpora put a full stop after everything.
ENDINGS = ("", "", ".", " .")

_FIELD = re.compile(r"\{(\w+)\}")


class Littered(NamedTuple):
    """:ivar sentences: with inserted lines. :ivar is_boilerplate: which ones were inserted."""

    sentences: list[str]
    is_boilerplate: list[bool]


def littered(sentences: Sequence[str], article_id: str, title: str | None = None) -> Littered:
    """Insert one to eleven lines around and between the sentences of an article; the same in every call.

    >>> littered(["Cats sleep.", "Dogs bark."], "pets/5").sentences
    ['Cats sleep', 'By Priya Jones and Anna Okafor.', 'Listen to this article .', 'Politics .', \
'Cats sleep.', 'Dogs bark.']
    """
    generator = _generator("boilerplate", article_id)
    counts = [int(generator.integers(0, most + 1)) for most in MOST_LINES]
    if not sum(counts):
        counts[0] = 1
    head, inside, tail = (
        [_line(generator, patterns, sentences) for _ in range(count)]
        for patterns, count in zip((HEAD, INSIDE, TAIL), counts, strict=True)
    )
    if generator.random() < (TITLE_SHARE if title else HEADLINE_SHARE):
        head.insert(0, title or _line(generator, ("{headline}",), sentences))
    places = generator.integers(1, max(len(sentences), 2), counts[1]).clip(max=len(sentences)).tolist()
    found: list[tuple[str, bool]] = [(line, True) for line in head]
    for index in range(len(sentences) + 1):
        found += [(line, True) for line, place in zip(inside, places, strict=True) if place == index]
        found += [(sentence, False) for sentence in sentences[index : index + 1]]
    found += [(line, True) for line in tail]
    return Littered([text for text, _ in found], [made for _, made in found])


def is_chosen(article_id: str, share: float) -> bool:
    """Whether an article belongs to this share of all articles, by a hash of its id."""
    return bool(_generator("chosen", article_id).random() < share)


def _line(generator: np.random.Generator, patterns: Sequence[str], sentences: Sequence[str]) -> str:
    """One of the patterns, with a random value for each field."""

    def one(choices: Sequence[str]) -> str:
        return choices[int(generator.integers(len(choices)))]

    def number(low: int, high: int) -> int:
        return int(generator.integers(low, high))

    def beginning(fewest: int, most: int) -> str:
        words = one(sentences).split() if sentences else []
        return " ".join(words[: number(fewest, most + 1)])

    def heading(fewest: int, most: int) -> str:
        words = beginning(fewest, most).strip(" .,;:!?\"'“”‘’") or "Introduction"
        return one((words, words.title(), words.upper()))

    fields: dict[str, Callable[[], str | int]] = {
        "heading": lambda: heading(2, 6),
        "headline": lambda: heading(4, 11),
        "echo": lambda: beginning(4, 9),
        "name": lambda: f"{one(FIRST)} {one(LAST)}",
        "last": lambda: one(LAST),
        "handle": lambda: f"{one(FIRST)}{one(LAST)}".lower(),
        "outlet": lambda: one(OUTLETS),
        "agency": lambda: one(AGENCIES),
        "topic": lambda: one(TOPICS),
        "form": lambda: one(FORMS),
        "label": lambda: one(LABELS),
        "club": lambda: one(CLUBS),
        "digit": lambda: number(1, 12),
        "number": lambda: number(2, 900),
        "year": lambda: number(2005, 2027),
        "time": lambda: f"{number(0, 24):02}:{number(0, 60):02}",
        "date": lambda: f"{number(1, 29)} {one(MONTHS)} {number(2005, 2027)}",
    }
    pattern = one(patterns)
    line = _FIELD.sub(lambda field: str(fields[field[1]]()), pattern)
    bare = "{heading}" in pattern or "{headline}" in pattern or line.endswith((".", "|", ":"))
    return line if bare else line + one(ENDINGS)


def _generator(*parts: str) -> np.random.Generator:
    digest = hashlib.sha256("\n".join(parts).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))
