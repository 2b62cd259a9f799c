import pytest

from service.html_article import (
    MOST_ANCESTORS,
    MOST_ATTRIBUTES,
    MOST_CHILDREN,
    MOST_ELEMENTS,
    MOST_JOINED,
    MOST_NESTED,
    UNWRAPPED,
    NoArticle,
    _tree,
    main_text,
)

FIRST = "The council cut the budget on Tuesday & nobody came to the bridge — not even 😀 the mayor."
SECOND = "It was the third time this year that a vote of the council ended without any visitor at all."
PAGE = f"""<!doctype html><html><head><title>Budget cut</title><script>var secret = 1</script></head><body>
<nav><a href="/">Home</a> <a href="/news">News</a></nav>
<article><h1>Budget  cut</h1><p>{FIRST.replace("&", "&amp;")}</p><p>{SECOND}</p></article>
<footer>All rights reserved by somebody.</footer></body></html>"""


def post(client, page: str | bytes, query: str = ""):
    return client.post(f"/api/evaluate{query}", data=page, content_type="text/html; charset=utf-8")


def test_the_article_is_found_without_heading_and_surroundings():
    assert main_text(PAGE.encode()) == f"{FIRST}\n\n{SECOND}"


def test_the_same_page_gives_the_same_text_every_time():
    assert len({main_text(PAGE.encode()) for _ in range(5)}) == 1


@pytest.mark.parametrize("index_unit", ["codepoint", "utf16"])
def test_offsets_refer_to_the_text_that_is_returned(client, index_unit):
    found = post(client, PAGE, f"?index_unit={index_unit}").get_json()
    assert found["text"] == f"{FIRST}\n\n{SECOND}"
    encoding, width = ("utf-16-le", 2) if index_unit == "utf16" else ("utf-32-le", 4)
    units = found["text"].encode(encoding)
    for sentence in found["sentences"]:
        piece = units[width * sentence["start"] : width * sentence["end"]]
        assert piece.decode(encoding) == sentence["text"]


def test_the_page_and_its_text_get_the_same_scores(client):
    page = post(client, PAGE, "?sentences=1").get_json()
    text = client.post("/api/evaluate?sentences=1", data=page.pop("text").encode(), content_type="text/plain")
    assert page == text.get_json()


def test_a_charset_that_the_page_declares_is_ignored():
    page = PAGE.replace("<head>", '<head><meta charset="latin-1">')
    assert main_text(f"<?xml version='1.0' encoding='latin-1'?>{page}".encode()).startswith(FIRST)


@pytest.mark.parametrize(
    "page",
    ["", " ", "<!-- nothing -->", "<!doctype html>", "<html></html>", "<p></p>", "<div>" * 3000],
)
def test_a_page_without_an_article_is_a_422_that_says_what_to_do(client, page):
    answer = post(client, page)
    assert answer.status_code == 422
    assert answer.get_json()["code"] == "no_article"
    assert "text/plain" in answer.get_json()["detail"]


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
    with pytest.raises(NoArticle, match=f"more than {limit}.*text/plain"):
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


def test_bad_options_are_refused_before_the_page_is_read(client, monkeypatch):
    monkeypatch.setattr("service.api.main_text", lambda _: 1 / 0)
    assert post(client, PAGE, "?words=0").status_code == 422


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
