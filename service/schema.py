"""The types of requests and answers, from which ``/openapi.json`` is generated."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import from_json

from summarizer.options import BUDGETS, Order, Redundancy

IndexUnit = Literal["codepoint", "utf16"]


def _number(value: object) -> object:
    """Parse a number in JSON's notation. Anything else stays a string, which is then of the wrong type."""
    if not isinstance(value, str) or value != value.strip():
        return value
    try:
        return from_json(value, allow_inf_nan=False)
    except ValueError:
        return value


def _whole(value: object) -> object:
    """JSON Schema counts 2.0 as an integer, and some languages write integers that way."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _may_grow(schema: dict[str, Any]) -> None:
    """Allow other fields: a later version may add some, and generated clients must tolerate them."""
    del schema["additionalProperties"]


def _only(name: str) -> dict[str, Any]:
    return {"properties": {other: {"type": "null"} for other in BUDGETS if other != name}}


# The ranges are only documented here; the library checks them, so that they are decided in one place.
_SENTENCES: Any = Field(
    description="Number of sentences to select; all, if the article has fewer.",
    json_schema_extra={"minimum": 1},
)
_WORDS: Any = Field(
    description="Maximum number of words in the whole summary.", json_schema_extra={"minimum": 1}
)
_RATIO: Any = Field(
    description="Share of the article's sentences to select, rounded down, but at least one sentence.",
    json_schema_extra={"exclusiveMinimum": 0, "maximum": 1},
)
_THRESHOLD: Any = Field(
    description="Minimum score of the sentences to select; `redundancy` may leave some out.",
    json_schema_extra={"minimum": 0, "maximum": 1},
)


_WholeNumber = Annotated[int, BeforeValidator(_whole, json_schema_input_type=int)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Budget(_Strict):
    """Length of the summary: at most one of the four fields. The default is three sentences."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [_only(name) for name in BUDGETS]})

    sentences: Annotated[_WholeNumber | None, _SENTENCES] = None
    words: Annotated[_WholeNumber | None, _WORDS] = None
    ratio: Annotated[float | None, _RATIO] = None
    threshold: Annotated[float | None, _THRESHOLD] = None


class Options(_Strict):
    """How the summary is selected and how offsets are counted."""

    order: Order = Field(
        "document",
        description="Order of the summary: `document` (as in the article) or `score` (best first).",
    )
    redundancy: Redundancy = Field(
        "trigram",
        description="How to avoid repetition: `trigram` (skip sentences that repeat three words in a row) or"
        " `mmr` (maximal marginal relevance); or `none` (the scores alone decide). Without a `threshold`, the"
        " first two also take lines without an end mark (titles, captions) last, where at least 70 % of the"
        " article are sentences.",
    )
    kind: str | None = Field(
        None,
        max_length=100,
        description="Kind of text that the article is read as, one of those that `/api/model` lists under"
        " `options`; by default the model recognizes it.",
    )
    index_unit: IndexUnit = Field(
        "codepoint",
        description="What offsets count: `codepoint` (code points, as in Python) or `utf16` (UTF-16 code"
        " units, as in JavaScript).",
    )


class EvaluateRequest(Options):
    """An article, as either text or sentences but not both, with the options."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {
                    "required": ["text"],
                    "properties": {"text": {"type": "string"}, "sentences": {"type": "null"}},
                },
                {
                    "required": ["sentences"],
                    "properties": {
                        "sentences": {"type": "array", "items": {"type": "string"}},
                        "text": {"type": "null"},
                    },
                },
            ]
        }
    )

    text: str | None = Field(None, description="The article; must contain at least one letter or digit.")
    sentences: Annotated[list[str], Field(fail_fast=True)] | None = Field(
        None,
        description="The article as your own list of sentences, scored as given; offsets refer to them joined"
        " by line feeds.",
    )
    summary: Budget = Budget()


class BatchArticle(EvaluateRequest):
    """One article of a batch."""

    id: str = Field(description="Your id for the article, unique within the batch; repeated in its result.")


class BatchEnvelope(_Strict):
    """A batch whose articles have not been validated: each may be invalid on its own."""

    articles: list[Any]


class BatchRequest(BatchEnvelope):
    """Several articles, each with its own options."""

    articles: list[BatchArticle]


_Count = Annotated[int, BeforeValidator(_number, json_schema_input_type=int)]
_Share = Annotated[float, BeforeValidator(_number, json_schema_input_type=float)]


class EvaluateQuery(Options):
    """The options as query parameters, in which numbers are strings."""

    sentences: Annotated[_Count | None, _SENTENCES] = None
    words: Annotated[_Count | None, _WORDS] = None
    ratio: Annotated[_Share | None, _RATIO] = None
    threshold: Annotated[_Share | None, _THRESHOLD] = None


def option_choices(kinds: Iterable[str]) -> dict[str, list[str]]:
    """The options and their possible values, for ``/api/model``.

    :param kinds: of text, that the model tells apart.
    """
    return {
        "summary": list(BUDGETS),
        "order": list(get_args(Order)),
        "redundancy": list(get_args(Redundancy)),
        "kind": list(kinds),
        "index_unit": list(get_args(IndexUnit)),
    }


class _Answer(BaseModel):
    """Strict here, so that tests notice every field of an answer that is not declared."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra=_may_grow)


class Model(_Answer):
    """The model that gave the scores."""

    name: str
    version: str
    sha256: str = Field(
        description="Digest of the model; scores are comparable only between answers with the same digest."
    )
    encoder: str


class Sentence(_Answer):
    """A sentence of the article and its score; text[start:end] of the article is the sentence."""

    index: int = Field(ge=0, description="Position among the article's sentences, from 0.")
    text: str
    start: int = Field(ge=0, description="Offset of its first character, counted in `index_unit`.")
    end: int = Field(ge=0, description="Offset just after its last character, counted in `index_unit`.")
    score: float = Field(
        ge=0, le=1, description="Expected closeness of the sentence to what a curator would quote."
    )
    rank: int = Field(ge=1, description="1 for the best score; equal scores rank in document order.")
    selected: bool = Field(description="Whether the sentence is part of the summary.")
    truncated: bool = Field(description="Whether the encoder read only the beginning of the sentence.")


class Summary(_Answer):
    """The selected sentences."""

    text: str
    indices: list[int] = Field(description="The `index` of each selected sentence, in the requested order.")


class EvaluationWarning(_Answer):
    """Something to know about a successful answer."""

    code: Literal["fewer_sentences", "empty_summary", "truncated_sentences", "unfamiliar_words"]
    detail: str


class Evaluated(_Answer):
    """Every sentence in document order, and the summary."""

    sentences: list[Sentence]
    summary: Summary
    warnings: list[EvaluationWarning]
    text: str | SkipJsonSchema[None] = Field(
        None,
        description="The text that offsets refer to, if it is not the text of the request: the main text of"
        " an HTML page, or the sentences joined by line feeds. Otherwise absent.",
    )


class EvaluateResponse(Evaluated):
    """The answer to one article."""

    model: Model


class FieldProblem(_Answer):
    """An invalid part of a request: either a place in its body or a query parameter."""

    pointer: str | SkipJsonSchema[None] = Field(
        None, description="RFC 6901 pointer into a JSON body; empty for the whole body."
    )
    parameter: str | SkipJsonSchema[None] = Field(None, description="Name of the query parameter.")
    detail: str


class Problem(_Answer):
    """An error as defined by RFC 9457."""

    type: Literal["about:blank"]
    title: str
    status: int = Field(ge=400, le=599)
    detail: str = Field(description="What is wrong, the limit or the expected value, and what to do.")
    instance: str = Field(
        description="Path of the request; for an article of a batch, followed by # and a pointer to it."
    )
    code: str = Field(
        description="Stable, machine-readable name of the error; each response lists its possible codes."
    )
    request_id: str = Field(
        description="The id that is also in the header X-Request-ID and the service's log."
    )
    errors: list[FieldProblem] | SkipJsonSchema[None] = Field(
        None, description="The invalid fields or parameters, if there are any; a long list is cut off."
    )


class BatchEvaluated(Evaluated):
    """An article of a batch that was evaluated."""

    id: str


class BatchFailed(_Answer):
    """An article of a batch that was refused; the others are not affected."""

    id: str | None = Field(description="The article's id; null if it is missing or not a string.")
    error: Problem


class BatchResponse(_Answer):
    """One result for each article, in the order of the request."""

    model: Model
    results: list[BatchEvaluated | BatchFailed]


class ModelResponse(_Answer):
    """The model, its card, the limits and the options."""

    model: Model
    card: dict[str, Any] = Field(
        description="Model card: architecture, encoder, closeness, training and metrics."
    )
    limits: dict[str, int] = Field(
        description="Bytes per request body, sentences per article, articles per batch, seconds per request."
    )
    options: dict[str, list[str]] = Field(
        description="Possible values of each option; for `summary`, the names of its fields."
    )


class Health(_Answer):
    """The process is up."""

    status: Literal["up"]


class Readiness(_Answer):
    """The model is loaded and the queue has room."""

    status: Literal["ready"]
    model: str = Field(description="The `sha256` of the model.")


class Busy(_Answer):
    """The queue is full."""

    status: Literal["busy"]
