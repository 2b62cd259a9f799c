import re
from html.parser import HTMLParser

import numpy as np
import pytest

from training.alignment_report import alignment_report
from training.prepared import PreparedArticle

VOID = {"meta", "br", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """Elements, ids, links, text by element; complains about tags that do not match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        for tag in set(self.open):
            self.texts[tag][-1] += data

    def all(self, attribute):
        return [values[attribute] for _, values in self.elements if attribute in values]


def prepared(sentences, quotes, targets=None, title="Pets", name="news/1") -> PreparedArticle:
    targets = np.linspace(0, 1, len(sentences)) if targets is None else targets
    nothing = np.zeros((len(sentences), 2), np.float32)
    targets = np.array(targets, np.float32)
    return PreparedArticle(name, title, "news", tuple(quotes), "train", sentences, nothing, nothing, targets)


PETS = ["Cats sleep all day.", "At night the old dogs bark.", "Fish swim."]


def test_sentences_are_shown_with_their_targets_and_quotes_with_their_places():
    html = alignment_report([prepared(PETS, ["the old dogs … Fish"], [0.25, 1, 0.5])], "0.5*alignment+oracle")
    page = Page(html)
    assert "0.5*alignment+oracle" in page.texts["h1"][0]
    assert page.texts["mark"] == ["Underlined", "the old dogs", "Fish"]
    assert "similarity 1.00" in html
    assert {"#sentence-1-2", "#sentence-1-3"} <= set(page.all("href"))
    assert [re.sub(r"\s+", " ", text).strip() for text in page.texts["li"]][1:] == [
        "1 target0.25 Cats sleep all day.",
        "2 target1.00 At night the old dogs bark.",
        "3 target0.50 Fish swim.",
    ]


def test_a_quote_that_was_not_found_says_so_in_words():
    html = alignment_report([prepared(PETS, ["Fish swim", "Nobody knew where the money went"])], "lexical")
    assert html.count("✗ not found") == 1
    assert "of which 1 was not found (50 %)" in html


def test_what_overlapping_quotes_cover_is_underlined_once():
    page = Page(alignment_report([prepared(PETS, ["the old dogs", "old dogs bark"])], "lexical"))
    assert page.texts["mark"][1:] == ["the old dogs bark"]


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}", "&amp;"]
)
def test_text_stays_text(hostile):
    page = Page(alignment_report([prepared([hostile], [hostile], title=hostile, name=hostile)], hostile))
    assert not {"script", "img"} & {tag for tag, _ in page.elements}
    assert page.texts["blockquote"] == [hostile]
    assert page.texts["h2"] == [hostile]
    assert page.texts["title"] == [f"Targets by {hostile}: quotes and their places"]


@pytest.mark.parametrize(
    ("sentences", "quotes"),
    [
        (["One."], ["One."]),
        (["🙂 yes", "قطط تنام.", "猫は眠る。"], ["🙂", "تنام", "猫は"]),
        (["Bell\u0007 and null\u0000.", "line\nbreak"], ["null\u0000"]),
        (["Again."] * 4, ["Again.", "Again. Again."]),
        (["no punctuation here"], []),
    ],
)
def test_awkward_articles_give_a_sound_page(sentences, quotes):
    html = alignment_report([prepared(sentences, quotes, title=None)], "blend")
    page = Page(html)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", html)
    assert page.texts["h2"] == ["news/1"]


def test_no_article_gives_a_page_that_says_so():
    assert "There are no articles to show." in Page(alignment_report([], "blend")).texts["main"][0]


def test_the_page_stands_alone_and_can_be_read_by_machines_that_read_aloud():
    html = alignment_report([prepared(PETS, ["Fish swim"]), prepared(PETS, ["Dogs"], name="news/2")], "blend")
    page = Page(html)
    tags = [tag for tag, _ in page.elements]
    assert not {"script", "link", "img", "iframe"} & set(tags)
    assert "url(" not in html
    assert "://" not in html
    assert ("html", {"lang": "en"}) in page.elements
    assert [tags.count(tag) for tag in ("main", "header", "nav", "h1")] == [1, 1, 1, 1]
    ids = page.all("id")
    assert len(ids) == len(set(ids))
    assert {link.removeprefix("#") for link in page.all("href")} <= set(ids)
    assert set(page.all("aria-labelledby")) <= set(ids)
