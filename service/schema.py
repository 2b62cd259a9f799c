"""The wire format as types: what requests may say, what answers hold. ``/openapi.json`` is made of them."""

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import from_json

from summarizer.options import BUDGETS, Order, Redundancy

IndexUnit = Literal["codepoint", "utf16"]


def _number(value: object) -> object:
    """A number as JSON writes it. All else stays a string, which is then of the wrong type."""
    if not isinstance(value, str) or value != value.strip():
        return value
    try:
        return from_json(value, allow_inf_nan=False)
    except ValueError:
        return value


def _whole(value: object) -> object:
    """JSON Schema counts 2.0 as an integer, and some languages write it so."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _may_grow(schema: dict[str, Any]) -> None:
    """A later version may add fields to an answer, and clients that are made from this must bear that."""
    del schema["additionalProperties"]


def _only(name: str) -> dict[str, Any]:
    return {"properties": {other: {"type": "null"} for other in BUDGETS if other != name}}


# The library checks the ranges; here they are only shown, so that there is one place that decides.
_SENTENCES: Any = Field(
    description="Number of sentences; an article that has fewer gives all.", json_schema_extra={"minimum": 1}
)
_WORDS: Any = Field(description="Most words in the whole summary.", json_schema_extra={"minimum": 1})
_RATIO: Any = Field(
    description="Share of the article's sentences, rounded down, but at least one sentence.",
    json_schema_extra={"exclusiveMinimum": 0, "maximum": 1},
)
_THRESHOLD: Any = Field(
    description="Sentences that score at least this; `redundancy` may leave some out.",
    json_schema_extra={"minimum": 0, "maximum": 1},
)


_WholeNumber = Annotated[int, BeforeValidator(_whole, json_schema_input_type=int)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Budget(_Strict):
    """Length of the summary: at most one of the four. Without any, three sentences."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [_only(name) for name in BUDGETS]})

    sentences: Annotated[_WholeNumber | None, _SENTENCES] = None
    words: Annotated[_WholeNumber | None, _WORDS] = None
    ratio: Annotated[float | None, _RATIO] = None
    threshold: Annotated[float | None, _THRESHOLD] = None


class Options(_Strict):
    """How the summary is chosen and how offsets are counted."""

    order: Order = Field("document", description="Order of the summary: as in the article, or best first.")
    redundancy: Redundancy = Field(
        "trigram",
        description="Passing over what repeats: never, three words in a row, or maximal marginal relevance.",
    )
    index_unit: IndexUnit = Field(
        "codepoint", description="What offsets count: code points (Python), or UTF-16 units (JavaScript)."
    )


class EvaluateRequest(Options):
    """An article, or the caller's own sentences, with the options: exactly one of text and sentences."""

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

    text: str | None = Field(None, description="The article; it holds a letter or digit.")
    sentences: Annotated[list[str], Field(fail_fast=True)] | None = Field(
        None, description="The caller's own split, scored as given; offsets refer to it joined by line feeds."
    )
    summary: Budget = Budget()


class BatchArticle(EvaluateRequest):
    """One article of a batch."""

    id: str = Field(description="The caller's name of the article, once in a batch; repeated in its result.")


class BatchEnvelope(_Strict):
    """A batch whose articles have not been looked at: each of them may be wrong alone."""

    articles: list[Any]


class BatchRequest(BatchEnvelope):
    """Several articles, each with its own options."""

    articles: list[BatchArticle]


_Count = Annotated[int, BeforeValidator(_number, json_schema_input_type=int)]
_Share = Annotated[float, BeforeValidator(_number, json_schema_input_type=float)]


class EvaluateQuery(Options):
    """The options as query parameters: numbers come as strings."""

    sentences: Annotated[_Count | None, _SENTENCES] = None
    words: Annotated[_Count | None, _WORDS] = None
    ratio: Annotated[_Share | None, _RATIO] = None
    threshold: Annotated[_Share | None, _THRESHOLD] = None


def option_choices() -> dict[str, list[str]]:
    """The options and what they may be, for ``/api/model``."""
    return {
        "summary": list(BUDGETS),
        "order": list(get_args(Order)),
        "redundancy": list(get_args(Redundancy)),
        "index_unit": list(get_args(IndexUnit)),
    }


class _Answer(BaseModel):
    """Strict here, so that tests see every field that an answer has and this does not."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra=_may_grow)


class Model(_Answer):
    """Which model gave the scores."""

    name: str
    version: str
    sha256: str = Field(
        description="The same digest means the same model, and so the same scores for the same article."
    )
    encoder: str


class Sentence(_Answer):
    """A sentence of the article with what the model says of it: text[start:end] is the sentence."""

    index: int = Field(ge=0, description="Position among the article's sentences, from 0.")
    text: str
    start: int = Field(ge=0, description="Offset of its first character.")
    end: int = Field(ge=0, description="Offset just after its last character.")
    score: float = Field(ge=0, le=1, description="Expected closeness to what a curator would quote.")
    rank: int = Field(ge=1, description="1 for the best score; equal scores rank in document order.")
    selected: bool = Field(description="Whether it is part of the summary.")
    truncated: bool = Field(description="Whether the encoder read only the beginning of it.")


class Summary(_Answer):
    """The selected sentences."""

    text: str
    indices: list[int] = Field(description="Their positions, in the order that was asked for.")


class Warning(_Answer):
    """Something to know about an answer that succeeded."""

    code: Literal["fewer_sentences", "empty_summary", "truncated_sentences"]
    detail: str


class Evaluated(_Answer):
    """Every sentence in document order, and the summary."""

    sentences: list[Sentence]
    summary: Summary
    warnings: list[Warning]
    text: str | SkipJsonSchema[None] = Field(
        None,
        description="What offsets refer to, where the caller did not send it: the main text of an HTML page,"
        " or the sentences joined by line feeds. Absent otherwise.",
    )


class EvaluateResponse(Evaluated):
    """The answer to one article."""

    model: Model


class FieldProblem(_Answer):
    """One thing that is wrong with a request: a place in its JSON body, or a query parameter."""

    pointer: str | SkipJsonSchema[None] = Field(None, description="RFC 6901 pointer into the body.")
    parameter: str | SkipJsonSchema[None] = Field(None, description="Name of the query parameter.")
    detail: str


class Problem(_Answer):
    """What went wrong, as RFC 9457 has it."""

    type: Literal["about:blank"]
    title: str
    status: int = Field(ge=400, le=599)
    detail: str = Field(description="What is wrong, the limit or the expected value, and what to do.")
    instance: str = Field(description="Path of the request; within a batch, with the place of the article.")
    code: str = Field(description="Stable name of the error; the codes of each status are listed with it.")
    request_id: str = Field(description="Also in the header X-Request-ID and in the service's log.")
    errors: list[FieldProblem] | SkipJsonSchema[None] = Field(
        None, description="The fields that are wrong, if any are."
    )


class BatchEvaluated(Evaluated):
    """An article of a batch that was evaluated."""

    id: str


class BatchFailed(_Answer):
    """An article of a batch that was refused, alone."""

    id: str | None = Field(description="null where the article has none that is a string.")
    error: Problem


class BatchResponse(_Answer):
    """One result for each article, in the order in which they were sent."""

    model: Model
    results: list[BatchEvaluated | BatchFailed]


class ModelResponse(_Answer):
    """The model, its card, and what callers must keep to."""

    model: Model
    card: dict[str, Any] = Field(description="Architecture, encoder, closeness, training, and metrics.")
    limits: dict[str, int] = Field(description="A body's bytes, an article's sentences, and so on.")
    options: dict[str, list[str]] = Field(description="Values that the options may have.")


class Health(_Answer):
    """The process is up."""

    status: Literal["up"]


class Readiness(_Answer):
    """The model is loaded and the queue has room."""

    status: Literal["ready"]
    model: str = Field(description="The model's sha256.")


class Busy(_Answer):
    """The queue is full."""

    status: Literal["busy"]
