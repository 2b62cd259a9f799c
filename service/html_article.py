"""The main text of an HTML page, within bounds of time."""

from collections.abc import Mapping

from lxml import etree

# Parsing and extraction take time with the square of these; a page at the limits takes about a second.
# Articles on the web have some hundred elements, long encyclopedia entries some thousand.
MOST_ELEMENTS = 20_000
MOST_ATTRIBUTES = 500  # of one element


class NoArticle(Exception):
    """The page has no main text, or more markup than is read."""


def main_text(page: bytes) -> str:
    """Read the article out of a page, without navigation, comments, tables, and its heading.

    :param page: UTF-8, whatever the page says of itself.
    :returns: paragraphs with a blank line between them, as the model was trained on them.
    :raises NoArticle: there is none to be found, or the page has too much markup.
    """
    # Imported with the first page: it takes as long as loading the model.
    from trafilatura import bare_extraction
    from trafilatura.settings import Document

    tree = _tree(page)
    heading = None if tree is None else tree.find(".//h1")
    title = "" if heading is None else " ".join("".join(heading.itertext()).split())
    found = tree is not None and bare_extraction(
        tree,
        fast=True,  # the fallbacks of the thorough way take time with the square of the page
        include_comments=False,
        include_tables=False,
        with_metadata=False,
    )
    if not isinstance(found, Document) or not found.text or not found.text.strip():
        raise NoArticle("no article was found in the page; send the text of the article as text/plain")
    first, _, rest = found.text.partition("\n")
    text = rest if rest and first.strip() == title else found.text
    return text.replace("\n", "\n\n")


def _tree(page: bytes) -> etree._Element | None:
    """The parsed page, after a pass that counts what is in it; None where there is nothing."""
    if not page.strip():
        return None
    etree.fromstring(page, etree.HTMLParser(target=_Counter(), encoding="utf-8"))
    # lxml.html's own elements are what trafilatura works with.
    from lxml import html

    try:
        return html.document_fromstring(page, html.HTMLParser(encoding="utf-8"))
    except etree.ParserError:  # comments only, for example
        return None


class _Counter:
    """Counts markup while it is parsed, and ends that at the limits; takes time with the length only."""

    def __init__(self) -> None:
        self._elements = 0

    def start(self, _tag: str, attributes: Mapping[str, str]) -> None:
        self._elements += 1
        if self._elements > MOST_ELEMENTS:
            raise NoArticle(
                f"the page has more than {MOST_ELEMENTS} elements; send the text of the article as text/plain"
            )
        if len(attributes) > MOST_ATTRIBUTES:
            raise NoArticle(
                f"an element of the page has more than {MOST_ATTRIBUTES} attributes;"
                " send the text of the article as text/plain"
            )

    def close(self) -> None:
        return None
