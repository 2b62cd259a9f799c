import json
import time

import pytest

from service.schema import (
    LONGEST_ECHO,
    MOST_ERRORS,
    BadRequest,
    EvaluateRequest,
    FieldError,
    MalformedJson,
    parse_json,
    parse_query,
    response,
)
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
        parse_json(json.dumps(body).encode())
    return refused.value


@pytest.mark.parametrize(
    ("parameters", "options"),
    [
        ({}, SummaryOptions()),
        ({"sentences": "5", "order": "score"}, SummaryOptions(sentences=5, order="score")),
        ({"words": "100", "redundancy": "mmr"}, SummaryOptions(words=100, redundancy="mmr")),
        ({"ratio": "1"}, SummaryOptions(ratio=1.0)),
        ({"ratio": "2.5e-1"}, SummaryOptions(ratio=0.25)),
        ({"threshold": "0"}, SummaryOptions(threshold=0.0)),
    ],
)
def test_a_query_and_a_json_body_say_the_same_options(parameters, options):
    budget = {name: json.loads(value) for name, value in parameters.items() if name in BUDGETS}
    others = {name: value for name, value in parameters.items() if name not in budget}
    body = json.dumps({"text": "It was.", "summary": budget, **others}).encode()
    assert parse_query(parameters.items(), "It was.").options() == options
    assert parse_json(body).options() == options


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
def test_a_query_parameter_that_is_no_number_in_json_is_none_here(name, value):
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
def test_a_name_that_an_object_has_twice_is_refused_by_name(body):
    with pytest.raises(MalformedJson, match=r"name (text|words) more than once"):
        parse_json(body)


def test_a_body_wrong_in_every_place_is_refused_soon_and_shortly():
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
        parse_json(b'{"text": "a", "summary": {"words": -' + b"9" * 4000 + b"}}").options()
    assert refused.value.errors[0].path == ("summary", "words")


def test_a_refused_request_names_each_wrong_field():
    refused = refusal({"text": 5, "order": "rank", "summary": {"pages": 1}})
    assert refused.errors == [
        FieldError(("text",), "text should be a valid string; got 5"),
        FieldError(("summary", "pages"), "pages is not a known field"),
        FieldError(("order",), "order should be 'document' or 'score'; got rank"),
    ]


def test_offsets_are_code_points_unless_utf16_is_asked_for():
    found = evaluation_of("😀 a. b😀. c", (2, 4), (5, 8), (9, 10))
    asked = EvaluateRequest(text=found.text)
    assert offsets(response(found, asked)) == [(2, 4), (5, 8), (9, 10)]
    asked = EvaluateRequest(text=found.text, index_unit="utf16")
    assert offsets(response(found, asked)) == [(3, 5), (6, 10), (11, 12)]


def test_the_answer_holds_what_the_contract_says_and_the_text_only_where_it_was_not_sent():
    found = evaluation_of("a b", (0, 1), (2, 3))
    assert list(response(found, EvaluateRequest(text="a b"))) == ["model", "sentences", "summary", "warnings"]
    assert response(found, EvaluateRequest(sentences=["a", "b"]))["text"] == "a b"


def test_five_thousand_sentences_are_counted_in_one_pass():
    count, length = 5000, 200
    found = evaluation_of("😀" * count * length, *((n * length, (n + 1) * length) for n in range(count)))
    began = time.perf_counter()
    answer = response(found, EvaluateRequest(text=found.text, index_unit="utf16"))
    assert time.perf_counter() - began < 1  # counting from the beginning for each would take minutes
    assert answer["sentences"][-1]["end"] == 2 * count * length
