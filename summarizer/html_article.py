"""The main text of an HTML page, extracted in bounded time."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from lxml import etree

from summarizer.errors import NoArticle

# The time of an extraction grows with products of these; the worst pages within them took 0.7 to 1.6 seconds.
# Articles on the web have a few hundred elements, long encyclopedia entries up to ten thousand, and lists a
# thousand children.
MOST_ELEMENTS = 15_000
MOST_ANCESTORS = 200_000  # of all elements together: links are examined once for every enclosing block
MOST_NESTED = 250  # libxml2 stops at 256 and returns what it has by then
MOST_CHILDREN = 1_500  # of one element: each piece of a text is searched for from its beginning
MOST_JOINED = 200_000_000  # characters: the text before an element that is removed is copied
MOST_ATTRIBUTES = 500  # of one element

# trafilatura removes these tags but keeps their content, which then belongs to the enclosing element.
UNWRAPPED = frozenset(
    "a abbr acronym address b bdi bdo big cite data dfn em font hgroup i img ins kbd mark meta nobr ref ruby"
    " samp small span strong sub sup tbody template tfoot thead tt u var wbr".split()
)
_INSTEAD = "send the text of the article instead, as plain text"

# What a browser does not show.
_HIDDEN = ("iframe", "noscript", "template")
# Characters that XML cannot contain, and references to them.
_NOT_XML = re.compile(
    rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]"
    rb"|&#0*(?:[0-8]|1[124-9]|2[0-9]|3[01]|6553[45])(?![0-9]);?"
    rb"|&#[xX]0*(?:[0-8bBcCeEfF]|1[0-9a-fA-F]|[fF]{3}[eEfF])(?![0-9a-fA-F]);?"
)


class WebPage(NamedTuple):
    """The article of a page.

    :ivar title: its heading, or else the title of the page, on one line; None if it has neither.
    :ivar text: paragraphs separated by blank lines, as in the training data; without the heading.
    """

    title: str | None
    text: str


def main_text(page: bytes) -> str:
    """The text of :func:`read_page`."""
    return read_page(page).text


def read_page(page: bytes) -> WebPage:
    """Extract the article of a page, without its heading, navigation, comments and tables.

    :param page: UTF-8, whatever the page itself declares; :func:`as_utf8` converts a page from elsewhere.
    :raises NoArticle: no article was found, or the page has too much markup.
    """
    # Imported with the first page, because that takes as long as loading the model.
    from trafilatura import bare_extraction
    from trafilatura.settings import Document

    tree = _tree(page)
    title = None if tree is None else _content(tree, ".//h1") or _content(tree, ".//title")
    found = tree is not None and bare_extraction(
        tree,
        fast=True,  # without the fallbacks, whose time is quadratic in the size of the page
        include_comments=False,
        include_tables=False,
        with_metadata=False,
    )
    if not isinstance(found, Document) or not found.text or not found.text.strip():
        raise NoArticle(f"no article was found in the page; {_INSTEAD}", "text")
    first, _, rest = found.text.partition("\n")
    is_title = title is not None and first.strip().casefold() == title.casefold()
    text = rest if rest and is_title else found.text
    return WebPage(title, text.replace("\n", "\n\n"))


def as_utf8(page: bytes) -> bytes:
    """A saved page as UTF-8: from the encoding that it declares, or else from the most likely one."""
    from trafilatura.utils import decode_file

    return decode_file(page).encode("utf-8", "replace")


def _content(tree: etree._Element, path: str) -> str | None:
    """The text of an element, on one line; None if there is none."""
    element = tree.find(path)
    return None if element is None else " ".join("".join(element.itertext()).split()) or None


def _tree(page: bytes) -> etree._Element | None:
    """The parsed page, after a pass that checks the limits; None if it is empty."""
    page = _NOT_XML.sub(b" ", page)
    if not page.strip():
        return None
    etree.fromstring(page, etree.HTMLParser(target=_Counter(), encoding="utf-8"))
    # trafilatura needs the element classes of lxml.html.
    from lxml import html

    # Comments would split the text into any number of pieces.
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    try:
        tree = html.document_fromstring(page, parser)
    except etree.ParserError:  # comments only, for example
        return None
    etree.strip_elements(tree, *_HIDDEN, with_tail=False)
    return tree


@dataclass(slots=True)
class _Contents:
    children: int = 0
    characters: int = 0


class _Counter:
    """Counts markup while it is parsed, and stops at the limits; its time is linear in the length."""

    def __init__(self) -> None:
        self._elements = 0
        self._ancestors = 0
        self._joined = 0
        # The contents of each open element; unwrapped elements share those of their parent.
        self._open = [_Contents()]

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        inside = self._open[-1]
        inside.children += 1
        self._elements += 1
        self._ancestors += len(self._open) - 1
        self._joined += inside.characters
        _check(self._elements, MOST_ELEMENTS, "the page has more than {} elements")
        _check(
            self._ancestors, MOST_ANCESTORS, "the elements of the page have more than {} ancestors together"
        )
        _check(len(self._open), MOST_NESTED, "the page has more than {} elements nested in one another")
        _check(inside.children, MOST_CHILDREN, "an element of the page has more than {} children")
        _check(
            self._joined,
            MOST_JOINED,
            "the elements of the page are preceded by more than {} characters together",
        )
        _check(len(attributes), MOST_ATTRIBUTES, "an element of the page has more than {} attributes")
        self._open.append(inside if tag in UNWRAPPED else _Contents())

    def data(self, text: str) -> None:
        self._open[-1].characters += len(text)

    def end(self, _tag: str) -> None:
        self._open.pop()

    def close(self) -> None:
        return None


def _check(number: int, most: int, problem: str) -> None:
    """Check that a number is within its limit.

    :raises NoArticle: it is not.
    """
    if number > most:
        raise NoArticle(f"{problem.format(most)}; {_INSTEAD}", "text")
