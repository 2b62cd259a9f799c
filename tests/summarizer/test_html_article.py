import pytest

from summarizer import NoArticle
from summarizer.html_article import (
    MOST_ANCESTORS,
    MOST_ATTRIBUTES,
    MOST_CHILDREN,
    MOST_ELEMENTS,
    MOST_JOINED,
    MOST_NESTED,
    UNWRAPPED,
    _tree,
    as_utf8,
    main_text,
    read_page,
)

FIRST = "The council cut the budget on Tuesday & nobody came to the bridge — not even 😀 the mayor."
SECOND = "It was the third time this year that a vote of the council ended without any visitor at all."
PAGE = f"""<!doctype html><html><head><title>Budget cut</title><script>var secret = 1</script></head><body>
<nav><a href="/">Home</a> <a href="/news">News</a></nav>
<article><h1>Budget  cut</h1><p>{FIRST.replace("&", "&amp;")}</p><p>{SECOND}</p></article>
<footer>All rights reserved by somebody.</footer></body></html>"""


def test_the_article_is_found_without_heading_and_surroundings():
    assert main_text(PAGE.encode()) == f"{FIRST}\n\n{SECOND}"


def test_the_same_page_gives_the_same_text_every_time():
    assert len({main_text(PAGE.encode()) for _ in range(5)}) == 1


@pytest.mark.parametrize(
    ("markup", "title"),
    [
        ("<title>Budget cut | The Courier</title>", "Budget cut"),
        ("", "Budget cut"),
    ],
)
def test_the_title_is_the_heading(markup, title):
    assert read_page(PAGE.replace("<title>Budget cut</title>", markup).encode()).title == title


def test_without_a_heading_the_title_is_that_of_the_page_and_no_part_of_the_text():
    paragraphs = f"<p>a budget CUT</p><p>{SECOND}</p><p>{FIRST.replace('&', '&amp;')}</p>"
    head = "<head><title> A Budget\n Cut</title></head>"
    page = f"<html>{head}<body><article>{paragraphs}</article></body></html>"
    assert read_page(page.encode()) == ("A Budget Cut", f"{SECOND}\n\n{FIRST}")
    assert read_page(article("")).title is None


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "windows-1251", "utf-16"])
def test_a_saved_page_is_read_in_the_encoding_that_it_declares(encoding):
    text = "Совет города урезал бюджет, никто не пришёл." if encoding == "windows-1251" else "Café à côté."
    page = (
        f'<html><head><meta charset="{encoding}"></head><body><article><p>{text}</p><p>{SECOND}</p></article>'
    )
    assert main_text(as_utf8(page.encode(encoding))) == f"{text}\n\n{SECOND}"


def test_a_charset_that_the_page_declares_is_ignored():
    page = PAGE.replace("<head>", '<head><meta charset="latin-1">')
    assert main_text(f"<?xml version='1.0' encoding='latin-1'?>{page}".encode()).startswith(FIRST)


def article(markup: str) -> bytes:
    return f"<article>{markup}<p>{FIRST.replace('&', '&amp;')}</p><p>{SECOND}</p></article>".encode()


@pytest.mark.parametrize(
    ("page", "limit"),
    [
        (("<p>" + "<b>x</b>" * 99 + "</p>") * (MOST_ELEMENTS // 100 + 1), f"{MOST_ELEMENTS} elements"),
        ("<b>wo</b>rd " * (MOST_CHILDREN + 1), f"{MOST_CHILDREN} children"),
        (
            "<p>" + ("<i>" + "<b>x</b> " * 99 + "</i>") * (MOST_CHILDREN // 100 + 1),
            f"{MOST_CHILDREN} children",
        ),
        ("<div>" * MOST_NESTED, f"{MOST_NESTED} elements nested"),
        (
            "<div>" * 100 + ("<div>" + "<p>x" * 50 + "</div>") * (MOST_ANCESTORS // 5000),
            f"{MOST_ANCESTORS} ancestors",
        ),
        ("<p>" + ("word " * 130 + "<b></b>") * 1000, f"{MOST_JOINED} characters"),
        ("<p " + " ".join(f"a{n}" for n in range(120_000)) + ">x", f"{MOST_ATTRIBUTES} attributes"),
        ("<p " + " ".join(f'a{n}=">"' for n in range(90_000)) + ">x", f"{MOST_ATTRIBUTES} attributes"),
    ],
)
def test_markup_beyond_the_limits_is_refused_and_the_limit_named(page, limit):
    with pytest.raises(NoArticle, match=f"more than {limit}.*plain text"):
        main_text(page.encode())


@pytest.mark.parametrize(
    "markup",
    [
        ("<p>" + "<b>x</b>" * 99 + "</p>") * (MOST_ELEMENTS // 100 - 1),
        "<p>" + "<b>wo</b>rd " * MOST_CHILDREN + "</p>",
        "<div>" * (MOST_NESTED - 4) + "</div>" * (MOST_NESTED - 4),
        "<div>" * (MOST_NESTED - 4) + "x" + "</div>" * (MOST_NESTED - 4),
        "<p>" + ("word " * 78 + "<b></b>") * 1000 + "</p>",
        "<p " + " ".join(f"a{n}" for n in range(MOST_ATTRIBUTES)) + ">x</p>",
    ],
)
def test_a_page_at_the_limits_is_read(markup):
    assert main_text(article(markup)).endswith(f"{FIRST}\n\n{SECOND}")


def test_children_of_all_that_trafilatura_unwraps_count_for_the_element_outside():
    from trafilatura.htmlprocessing import REND_TAG_MAPPING
    from trafilatura.settings import MANUALLY_STRIPPED

    assert {*MANUALLY_STRIPPED, *REND_TAG_MAPPING, "a", "ref", "span"} <= UNWRAPPED


def test_comments_do_not_split_the_text_into_pieces():
    tree = _tree(b"<p>a<!-- b -->c<?d?>e</p>")  # a hundred thousand of them took minutes
    assert tree is not None
    assert tree.xpath("//text()") == ["ace"]


def test_nothing_is_fetched_or_expanded():
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>'
    text = main_text(f"{bomb}<article><p>&b; &f; {FIRST}</p><p>{SECOND}</p></article>".encode())
    assert "root:" not in text
    assert "aaaaaaaaaa" not in text.replace(bomb, "")


@pytest.mark.parametrize(
    "character",
    ["\x00", "\x01", "\x0b", "\f", "\x1b", "\x1f", "\ufffe", "\uffff", "&#0;", "&#12;", "&#x0B;", "&#xFFFF;"],
)
def test_characters_that_xml_cannot_hold_are_spaces(character):
    page = f"<article><p>One{character}form feed.</p><p>{SECOND}</p><p>Ordinary — ends it 😀.</p></article>"
    assert main_text(page.encode()) == f"One form feed.\n\n{SECOND}\n\nOrdinary — ends it 😀."


@pytest.mark.parametrize("reference", ["&#120;", "&#x78;", "&#X078", "&#00120;"])
def test_references_to_other_characters_are_kept(reference):
    assert main_text(article(f"<p>One {reference} two.</p>")).startswith("One x two.")


@pytest.mark.parametrize("tag", ["noscript", "iframe", "template"])
def test_what_a_browser_does_not_show_is_not_part_of_the_article(tag):
    hidden = f"<{tag}>Enable JavaScript.</{tag}>"
    page = f"<body>{hidden}<p>{SECOND}</p>{hidden}<p>It rained.</p><p>Nobody {hidden}came.</p></body>"
    assert main_text(page.encode()) == f"{SECOND}\n\nIt rained.\n\nNobody came."
