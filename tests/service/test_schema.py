import json
import time

import pytest

from service.answers import batch_response, batch_result, evaluate_response, evaluated
from service.reading import (
    LONGEST_ECHO,
    MOST_ERRORS,
    BadRequest,
    FieldError,
    MalformedJson,
    RefusedArticle,
    parse_batch,
    parse_evaluate,
    parse_query,
    refuse_query,
    summary_options,
)
from service.schema import BatchResponse, Budget, EvaluateQuery, EvaluateResponse, Options
from summarizer import Evaluation, ModelInfo, ScoredSentence, SummaryOptions
from summarizer.options import BUDGETS

MODEL = ModelInfo("tiny", "0.0.1", "0" * 64, "tiny-static")


def evaluation_of(text: str, *spans: tuple[int, int]) -> Evaluation:
    sentences = tuple(
        ScoredSentence(index, text[start:end], start, end, 0.5, index + 1, index == 0, False)
        for index, (start, end) in enumerate(spans)
    )
    return Evaluation(text, sentences, (0,), MODEL)


def offsets(answer: dict) -> list[tuple[int, int]]:
    return [(sentence["start"], sentence["end"]) for sentence in answer["sentences"]]


def refusal(body: object) -> BadRequest:
    with pytest.raises(BadRequest) as refused:
        parse_evaluate(json.dumps(body).encode())
    return refused.value


@pytest.mark.parametrize(
    ("parameters", "options"),
    [
        ({}, SummaryOptions()),
        ({"sentences": "5", "order": "score"}, SummaryOptions(sentences=5, order="score")),
        ({"words": "100", "redundancy": "mmr"}, SummaryOptions(words=100, redundancy="mmr")),
        ({"kind": "news"}, SummaryOptions(kind="news")),
        ({"ratio": "1"}, SummaryOptions(ratio=1.0)),
        ({"ratio": "2.5e-1"}, SummaryOptions(ratio=0.25)),
        ({"threshold": "0"}, SummaryOptions(threshold=0.0)),
    ],
)
def test_a_query_and_a_json_body_give_the_same_options(parameters, options):
    budget = {name: json.loads(value) for name, value in parameters.items() if name in BUDGETS}
    others = {name: value for name, value in parameters.items() if name not in budget}
    body = json.dumps({"text": "It was.", "summary": budget, **others}).encode()
    assert summary_options(parse_query(parameters.items(), "It was.")) == options
    assert summary_options(parse_evaluate(body)) == options


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sentences", value)
        for value in (" 5", "5 ", "+5", "05", "5.0", "1_0", "0x5", "٣", "true", '"5"', "[5]", "", "-")
    ]
    + [
        ("ratio", value)
        for value in (" 0.5", ".5", "1.", "0,5", "1_0e-1", "nan", "inf", "Infinity", "true", "null x")
    ],
)
def test_a_query_parameter_must_be_a_number_in_json_s_notation(name, value):
    with pytest.raises(BadRequest) as refused:
        parse_query([(name, value)], "It was.")
    assert refused.value.code == "invalid_request"
    assert [(error.path, error.in_query) for error in refused.value.errors] == [((name,), True)]


@pytest.mark.parametrize(
    "body",
    [
        b'{"text": "It was.", "text": "He said."}',
        b'{"text": "It was.", "summary": {"words": 3, "words": 5}}',
        b'{"text": "It was.", "t\\u0065xt": "He said."}',
    ],
)
def test_a_repeated_name_in_an_object_is_refused_by_name(body):
    with pytest.raises(MalformedJson, match=r"name (text|words) more than once"):
        parse_evaluate(body)


def test_a_body_that_is_invalid_everywhere_is_refused_quickly_and_briefly():
    began = time.perf_counter()
    unknown = refusal({"text": "It was.", **{f"k{number}": 1 for number in range(50_000)}})
    numbers = refusal({"sentences": [1] * 300_000})
    assert time.perf_counter() - began < 5
    assert len(unknown.errors) == MOST_ERRORS
    assert [error.path for error in numbers.errors] == [("sentences", 0)]
    assert len(str(unknown)) < 1000


@pytest.mark.parametrize(
    "body",
    [
        {"text": "It was.", "k" * 5000: 1},
        {"text": "It was.", "order": "k" * 5000},
        {"text": ["k" * 5000]},
        {"text": "It was.", "summary": {"words": "k" * 5000}},
    ],
)
def test_an_error_repeats_little_of_what_was_sent(body):
    (error,) = refusal(body).errors
    assert len(error.detail) < 2 * LONGEST_ECHO
    assert all(len(str(part)) <= LONGEST_ECHO + 1 for part in error.path)


def test_an_option_out_of_range_is_refused_without_repeating_all_of_it():
    with pytest.raises(
        BadRequest, match=r"words must be a whole number of at least 1; got -9{3,200}…"
    ) as refused:
        summary_options(parse_evaluate(b'{"text": "a", "summary": {"words": -' + b"9" * 4000 + b"}}"))
    assert refused.value.errors[0].path == ("summary", "words")


def test_a_refused_request_names_each_wrong_field():
    refused = refusal({"text": 5, "order": "rank", "summary": {"pages": 1}})
    assert refused.errors == [
        FieldError(("order",), "order should be 'document' or 'score'; got rank"),
        FieldError(("text",), "text should be a valid string; got 5"),
        FieldError(("summary", "pages"), "pages is not a known field"),
    ]


def written(evaluation: Evaluation, index_unit: str = "codepoint", *, with_text: bool = False) -> dict:
    return json.loads(evaluated(evaluation, index_unit, with_text=with_text))


def test_offsets_are_code_points_unless_utf16_is_asked_for():
    found = evaluation_of("😀 a. b😀. c", (2, 4), (5, 8), (9, 10))
    assert offsets(written(found)) == [(2, 4), (5, 8), (9, 10)]
    assert offsets(written(found, "utf16")) == [(3, 5), (6, 10), (11, 12)]


def test_an_answer_is_of_the_type_that_describes_it():
    found = evaluation_of("a b", (0, 1), (2, 3))
    for with_text in (False, True):
        body = evaluate_response(MODEL, evaluated(found, "codepoint", with_text=with_text))
        EvaluateResponse.model_validate_json(body, strict=True)
        content = json.loads(body)
        assert list(content) == ["model", "sentences", "summary", "warnings"] + ["text"] * with_text
        assert {**content, "text": None} == {**found.as_dict(), "text": None}
        assert content.get("text") == ("a b" if with_text else None)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_batch_answer_is_of_the_type_that_describes_it(count):
    article = evaluated(evaluation_of("a b", (0, 1)), "codepoint", with_text=True)
    results = [batch_result(f'"{number}\\', article) for number in range(count)]
    body = batch_response(MODEL, results)
    assert [result.id for result in BatchResponse.model_validate_json(body, strict=True).results] == [
        f'"{number}\\' for number in range(count)
    ]


def test_five_thousand_sentences_are_counted_in_one_pass():
    count, length = 5000, 200
    found = evaluation_of("😀" * count * length, *((n * length, (n + 1) * length) for n in range(count)))
    began = time.perf_counter()
    answer = written(found, "utf16")
    assert time.perf_counter() - began < 3  # counting from the beginning each time would take minutes
    assert answer["sentences"][-1]["end"] == 2 * count * length


def test_a_batch_is_read_article_by_article():
    articles = [
        {"id": "a", "text": "It was."},
        {"id": "a", "text": "Again."},
        {"text": "No id."},
        {"id": 5, "text": "A number."},
        {"id": "b"},
        {"id": "b", "text": "Its id was refused, and is taken."},
        {"id": "c", "sentences": ["One."], "order": "score"},
        "no object",
    ]
    found = parse_batch(json.dumps({"articles": articles}).encode(), 8)
    refused = {
        index: (article.id, article.error.code, [error.path for error in article.error.errors])
        for index, article in enumerate(found)
        if isinstance(article, RefusedArticle)
    }
    assert refused == {
        1: ("a", "repeated_id", [("id",)]),
        2: (None, "invalid_request", [("id",)]),
        3: (None, "invalid_request", [("id",)]),
        4: ("b", "invalid_request", [("text",)]),
        5: ("b", "repeated_id", [("id",)]),
        7: (None, "invalid_request", [()]),
    }
    assert (found[0].id, found[0].text) == ("a", "It was.")
    assert (found[6].sentences, found[6].order) == (["One."], "score")


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        ([], "invalid_request", ()),
        ({}, "invalid_request", ("articles",)),
        ({"articles": {}}, "invalid_request", ("articles",)),
        ({"articles": [], "order": "score"}, "invalid_request", ("order",)),
        ({"articles": [{}] * 9}, "too_many_articles", ("articles",)),
    ],
)
def test_a_batch_is_refused_whole_only_for_what_is_around_its_articles(body, code, path):
    with pytest.raises(BadRequest) as refused:
        parse_batch(json.dumps(body).encode(), 8)
    assert (refused.value.code, refused.value.errors[0].path) == (code, path)


def test_query_parameters_with_json_are_refused_by_name():
    refuse_query([])
    with pytest.raises(BadRequest, match="words is a query parameter"):
        refuse_query([("words", "5")])


def test_the_query_has_every_option_that_a_body_has():
    assert set(EvaluateQuery.model_fields) == {*Options.model_fields, *Budget.model_fields}
    assert tuple(Budget.model_fields) == BUDGETS
    for name, field in EvaluateQuery.model_fields.items():
        other = (Options.model_fields | Budget.model_fields)[name]
        assert (field.default, field.description) == (other.default, other.description)
