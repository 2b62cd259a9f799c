import dataclasses
import json
import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import torch

from summarizer.model import ModelConfig, SentenceScorer
from summarizer.text_features import text_features
from tests.tiny import RARITY
from training.evaluation import BASELINES, METRICS, Model, examples, measure, trained
from training.network import Network
from training.prepared import PreparedArticle
from training.report import as_markdown, html, strongest_baseline, verdict

DIMENSION = 4
WORDS = "city council vote budget river bridge school fire police storm people year".split()
AWKWARD = [
    ["One."],
    ["😀", "😀 😀 quote", "🐈"],
    ["مرحبا بالعالم", "مرحبا مرة أخرى", "وداعا"],
    ["The same again."] * 6,
    ["no punctuation", "here either"],
    ["bell \x07 and \x00 nul", "<script>alert(1)</script> & more", "| pipe |"],
]


def make_article(number: int, source: str = "news", *, sentences=None, quotes=None) -> PreparedArticle:
    """Twelve sentences or so; the fourth is quoted, and its vector says so."""
    generator = np.random.default_rng(number)
    if sentences is None:
        count = 8 + number % 8
        sentences = [
            " ".join(generator.choice(WORDS, 6 + place % 5)) + f" {place}." for place in range(count)
        ]
    quoted = min(3, len(sentences) - 1)
    vectors = generator.normal(size=(len(sentences), DIMENSION)).astype(np.float32)
    vectors[:, 0] = 0
    vectors[quoted, 0] = 5
    targets = np.zeros(len(sentences), np.float32)
    targets[quoted] = 1
    return PreparedArticle(
        f"{source}/{number}" if source else str(number),
        f"Title {number}",
        source,
        tuple(quotes if quotes is not None else [sentences[quoted]]),
        "test",
        sentences,
        vectors,
        text_features(sentences, RARITY),
        targets,
    )


def make_model(seed: int = 0) -> Model:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = ModelConfig(dimension=DIMENSION, width=4)
        return trained(SentenceScorer(config, Network(config).weights()))


def seeing(article: PreparedArticle) -> np.ndarray:
    """Finds what was quoted; stands for a network that learnt everything."""
    return 1 / (1 + np.exp(2 - article.vectors[:, 0].astype(np.float64)))


@pytest.fixture(scope="module")
def articles() -> list[PreparedArticle]:
    news = [make_article(number) for number in range(30)]
    told = [
        make_article(number, "xsum", quotes=["Council votes on a budget of this year"]) for number in range(6)
    ]
    return [*news, *told]


@pytest.fixture(scope="module")
def figures(articles) -> dict:
    return measure(articles, {"model": seeing, "sketch": make_model()}, background=articles)


def numbers(found) -> list[float]:
    if isinstance(found, dict):
        return [number for value in found.values() for number in numbers(value)]
    if isinstance(found, list):
        return [number for value in found for number in numbers(value)]
    return [found] if isinstance(found, float) else []


def test_the_figures_are_json_without_nan(figures):
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    assert all(math.isfinite(number) for number in numbers(figures))


def test_every_system_is_measured_on_each_source_and_on_all(figures):
    assert figures["models"] == ["model", "sketch"]
    assert figures["systems"] == ["model", "sketch", *BASELINES]
    assert list(figures["sources"]) == ["news", "xsum"]
    for part in (figures["overall"], *figures["sources"].values()):
        assert list(part["systems"]) == figures["systems"]
        assert list(part["models"]) == figures["models"]
        for system in part["systems"].values():
            assert system.keys() == {*METRICS, "minus_lead", "model_minus"}
    assert [part["articles"] for part in figures["sources"].values()] == [30, 6]
    assert figures["overall"]["articles"] == 36


def test_a_model_that_finds_the_quotes_is_best(figures):
    systems = figures["sources"]["news"]["systems"]
    assert systems["model"]["auc"]["mean"] == systems["model"]["precision"]["mean"] == 1
    assert systems["model"]["rouge2"]["mean"] > systems["lead"]["rouge2"]["mean"]
    assert systems["model"]["minus_lead"]["rouge2"]["low"] > 0
    assert systems["oracle"]["rouge2"]["mean"] >= systems["model"]["rouge2"]["mean"]
    models = figures["sources"]["news"]["models"]
    assert models["model"]["cross_entropy"] < models["sketch"]["cross_entropy"]


@pytest.mark.parametrize("wrapped", ["sentences", "quotes"])
def test_a_quote_is_found_however_its_lines_are_broken(articles, wrapped):
    def with_lines(article: PreparedArticle) -> PreparedArticle:
        if wrapped == "sentences":
            return dataclasses.replace(
                article, sentences=[s.replace(" ", "\n", 1) for s in article.sentences]
            )
        quotes = tuple(quote.replace(" ", "\n  ", 1) for quote in article.quotes)
        return dataclasses.replace(article, quotes=quotes)

    found = measure([with_lines(article) for article in articles[:5]], {"model": seeing})
    system = found["overall"]["systems"]["model"]
    assert system["auc"]["mean"] == system["ndcg"]["mean"] == system["precision"]["mean"] == 1


def test_intervals_hold_their_means(figures):
    for part in (figures["overall"], *figures["sources"].values()):
        for system in part["systems"].values():
            for metric in METRICS:
                found = system[metric]
                assert found["mean"] is None or found["low"] - 1e-9 <= found["mean"] <= found["high"] + 1e-9


def test_the_differences_are_those_of_the_means(figures):
    systems = figures["overall"]["systems"]
    for name, system in systems.items():
        above = systems["model"]["rouge2"]["mean"] - system["rouge2"]["mean"]
        assert system["model_minus"]["rouge2"]["mean"] == pytest.approx(above)
        assert system["minus_lead"]["rouge2"]["mean"] == pytest.approx(
            system["rouge2"]["mean"] - systems["lead"]["rouge2"]["mean"]
        )
        if name == "lead":
            assert system["minus_lead"]["rouge2"] == {"mean": 0, "low": 0, "high": 0}


def test_over_sources_every_source_counts_the_same(figures):
    both = [part["systems"]["lead"]["rouge1"]["mean"] for part in figures["sources"].values()]
    over_sources = figures["overall"]["over_sources"]["lead"]["rouge1"]
    assert over_sources["mean"] == pytest.approx(np.mean(both))
    assert over_sources["low"] <= over_sources["mean"] <= over_sources["high"]
    over_articles = figures["overall"]["systems"]["lead"]["rouge1"]["mean"]
    assert over_articles == pytest.approx(np.average(both, weights=[30, 6]))


def test_ranking_is_measured_where_quotes_are_verbatim(figures):
    told, news = (figures["sources"][source]["systems"] for source in ("xsum", "news"))
    assert told["model"]["auc"] == {"mean": None, "low": None, "high": None}
    assert told["model"]["spearman"]["mean"] is not None
    assert news["pacsum"]["auc"]["mean"] is not None
    assert news["oracle"]["auc"]["mean"] is None  # it has no opinion of what it did not choose
    assert figures["overall"]["systems"]["model"]["auc"] == news["model"]["auc"]


def test_the_number_of_sentences_depends_on_the_source(articles, figures, monkeypatch):
    assert figures["sources"]["news"]["summary_sentences"] == 3
    assert figures["sources"]["xsum"]["summary_sentences"] == 1
    assert figures["overall"]["summary_sentences"] is None
    monkeypatch.setattr("training.evaluation.SENTENCES_BY_SOURCE", {"news": 2})
    other = measure(articles, {"model": seeing})
    assert [part["summary_sentences"] for part in other["sources"].values()] == [2, 3]


def test_at_equal_words_long_sentences_buy_nothing(figures):
    systems = figures["sources"]["news"]["systems"]
    assert systems["longest"]["words"]["mean"] > systems["lead"]["words"]["mean"]
    budget = round(systems["lead"]["words"]["mean"])
    for name in figures["systems"]:
        if name != "oracle":
            assert systems[name]["equal_words"]["mean"] == budget


def test_figures_do_not_depend_on_the_order_of_the_articles(articles, figures):
    turned = measure(articles[::-1], {"model": seeing, "sketch": make_model()}, background=articles)
    for name, system in figures["overall"]["systems"].items():
        for metric in METRICS:
            mean = turned["overall"]["systems"][name][metric]["mean"]
            assert mean == pytest.approx(system[metric]["mean"]), (name, metric)


def test_positions_add_up(figures):
    deciles = figures["overall"]["deciles"]
    assert sum(decile["count"] for decile in deciles) == figures["overall"]["article_sentences"]
    for name in figures["systems"]:
        assert sum(decile["selected"][name] for decile in deciles) == pytest.approx(1)
    assert deciles[0]["selected"]["lead"] > deciles[0]["selected"]["model"]


def test_losses_lie_between_the_least_and_something(figures):
    for part in (figures["overall"], *figures["sources"].values()):
        assert part["least_cross_entropy"] <= part["constant_cross_entropy"]
        for model in part["models"].values():
            assert part["least_cross_entropy"] <= model["cross_entropy"]
            assert 0 <= model["absolute_error"] <= 1
            assert 0 <= model["calibration_error"] <= 1


def everything(articles) -> str:
    """All that can be made of some articles."""
    found = measure(articles, {"model": make_model()})
    json.dumps(found, allow_nan=False)
    as_markdown(found)
    return html(found, examples(articles, make_model()), [], {"name": "n", "version": "1"})


def test_no_article_at_all_is_no_error():
    assert "there are no articles to measure" in everything([])


@pytest.mark.parametrize("sentences", AWKWARD)
def test_a_single_awkward_article_is_no_error(sentences):
    page = everything([make_article(1, "", sentences=sentences)])
    assert "too few articles to tell" in page
    assert not re.search("[\x00-\x08]|<script>|nan", page)


def test_an_article_without_quotes_is_no_error():
    article = make_article(1, quotes=[])
    found = measure([article], {"model": make_model()})
    assert found["overall"]["systems"]["model"]["rouge1"] == {"mean": 0, "low": None, "high": None}


def test_measuring_needs_a_model_with_a_name_of_its_own():
    with pytest.raises(ValueError, match="at least one model"):
        measure([], {})
    with pytest.raises(ValueError, match="name of a baseline: lead; rename it"):
        measure([], {"lead": make_model()})


def part_of(difference: tuple[float, float, float], articles: int = 100) -> dict:
    estimate = dict(zip(("mean", "low", "high"), difference, strict=True))
    return {"articles": articles, "systems": {"lead": {"model_minus": {"rouge2": estimate}}}}


@pytest.mark.parametrize(
    ("difference", "articles", "said"),
    [
        (
            (0.13, -0.98, 1.22),
            157,
            "0.1 R-2 points above lead (−1.0 to +1.2): no difference that can be told from chance.",
        ),
        ((5.6, 3.7, 7.8), 290, "5.6 R-2 points above lead (+3.7 to +7.8): better."),
        ((-5.6, -7.8, -3.7), 290, "5.6 R-2 points below lead (−7.8 to −3.7): worse."),
        ((4.6, 1.8, 7.4), 5, "4.6 R-2 points above lead (+1.8 to +7.4): too few articles to tell."),
        ((4.6, None, None), 1, "4.6 R-2 points above lead: too few articles to tell."),
    ],
)
def test_the_verdict_says_no_more_than_the_interval(difference, articles, said):
    assert verdict(part_of(difference, articles)) == f"the model is {said}"


def test_the_strongest_baseline_is_not_the_oracle(figures):
    assert strongest_baseline(figures["overall"]) not in {"oracle", "model", "sketch"}


def test_tables_have_as_many_cells_as_columns(articles):
    odd = [dataclasses.replace(a, source="a|b\nc") for a in articles[:2]]
    found = as_markdown(measure([*articles, *odd], {"my|model": seeing}))
    for table in found.split("\n\n"):
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1
    assert "\n| lead | " in found
    assert "\n| news | 30 | 3 | " in found


def test_examples_are_spread_over_the_sources_and_always_the_same(articles):
    found = examples(articles, make_model(2), 8)
    assert len(found) == len({example["id"] for example in found}) == 8
    assert {example["source"] for example in found} == {"news", "xsum"}
    assert found == examples(articles[::-1], make_model(2), 8)
    correlations = [example["correlation"] for example in found if example["source"] == "news"]
    assert max(correlations) > 0 > min(correlations)
    json.dumps(found, allow_nan=False)


def test_an_example_shows_what_was_selected(articles):
    example = examples(articles[:1], seeing, 1)[0]
    assert sum(sentence["selected"] for sentence in example["sentences"]) == 3
    assert sorted(sentence["rank"] for sentence in example["sentences"]) == list(range(1, 9))
    best = min(example["sentences"], key=lambda sentence: sentence["rank"])
    assert best["text"] == example["quotes"][0]
    assert best["selected"]
    assert best["oracle"]


def test_fewer_articles_than_asked_are_all_shown(articles):
    assert len(examples(articles[:3], make_model(), 10)) == 3
    assert examples([], make_model()) == []


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in {"meta", "link", "img", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@dataclasses.dataclass(frozen=True, slots=True)
class Epoch:
    number: int
    training_loss: float
    validation_loss: float
    rouge2: float | None = None


ABOUT = {
    "name": "<b>quotes</b>",
    "version": "1",
    "encoder": "tiny",
    "fit": {"seed": 0, "learning_rate": 0.001},
}


@pytest.fixture(scope="module")
def page(articles, figures) -> str:
    hostile = make_article(3, "</p><script>x", sentences=AWKWARD[-1])
    history = [Epoch(1, 0.5, 0.45, 0.1), Epoch(2, 0.4, 0.4), Epoch(3, 0.3, 0.5)]
    return html(figures, examples([*articles, hostile], seeing), history, ABOUT, kept=3)


def test_the_page_is_well_formed_and_needs_nothing_else(page):
    found = Page(page)
    assert found.open == []
    tags = {tag for tag, _ in found.tags}
    assert {"header", "nav", "main", "section", "figure", "figcaption", "caption", "details", "h1"} <= tags
    assert not tags & {"script", "link", "img", "iframe", "object"}
    namespaces = {"xmlns", "xmlns:xlink"}
    for tag, attributes in found.tags:
        for name, value in attributes.items():
            if name not in namespaces:
                assert "//" not in (value or ""), (tag, name, value)
    style = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert "prefers-color-scheme: dark" in style
    assert "@media print" in style


def test_ids_of_the_page_are_unique_and_lead_somewhere(page):
    found = Page(page).tags
    ids = [attributes["id"] for _, attributes in found if "id" in attributes]
    assert len(ids) == len(set(ids))
    referred = {
        name.removeprefix("#")
        for _, attributes in found
        for name in (attributes.get("href"), attributes.get("xlink:href"), attributes.get("aria-labelledby"))
        if name
    }
    assert referred <= set(ids)


def test_every_plot_has_words_and_every_table_a_caption(page):
    found = Page(page).tags
    plots = [attributes for tag, attributes in found if tag == "svg"]
    assert len(plots) == 5
    assert all(plot["role"] == "img" and plot["aria-label"] for plot in plots)
    assert sum(tag == "table" for tag, _ in found) == sum(tag == "caption" for tag, _ in found)


def test_what_comes_from_outside_is_shown_and_not_obeyed(page):
    assert "&lt;b&gt;quotes&lt;/b&gt;" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in page
    assert "<script" not in page
    assert "bell \ufffd and \ufffd nul" in page


def test_the_page_tells_the_verdict_the_learning_and_the_settings(page):
    text = " ".join(re.sub("<[^>]*>", "", page).split())
    assert "Over 36 articles of the test split, the model is " in text
    assert " R-2 points above lead (+" in text
    assert "On news (30 articles) the model is " in text
    assert "On xsum (6 articles) the model is" in text
    assert "The model is that of epoch 3, with a validation loss of 0.5000." in text
    assert "learning rate 0.001" in text


def test_selected_sentences_are_marked_by_more_than_colour(page):
    selected = page.count(' class="selected"')
    assert selected > 0
    # Once more in the sentence that explains the marks.
    assert page.count("✓ selected") == selected + 1


def test_a_history_of_mappings_is_as_good_and_none_is_left_out(figures):
    history = [{"number": 1, "training_loss": 0.5, "validation_loss": None, "mae": 0.2}]
    assert "0.2000" in html(figures, [], history, ABOUT)
    assert "Learning" not in html(figures, [], [], ABOUT)
