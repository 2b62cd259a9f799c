"""From an evaluation to the JSON of an answer, as defined in :mod:`service.schema`."""

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic_core import to_json

from service.schema import IndexUnit
from summarizer import Evaluation, ModelInfo


def evaluated(evaluation: Evaluation, index_unit: IndexUnit, *, with_text: bool) -> bytes:
    """The JSON object of an ``Evaluated``, still without its model or id.

    Written from plain dictionaries rather than pydantic objects, because an article may have thousands of
    sentences; tests check the result against the types.

    :param with_text: include the text that the offsets refer to, because the caller does not have it.
    """
    content = evaluation.as_dict()
    del content["model"]
    if index_unit == "utf16":
        _to_utf16(content["sentences"], evaluation.text)
    if with_text:
        content["text"] = evaluation.text
    return to_json(content)


def evaluate_response(model: ModelInfo, article: bytes) -> bytes:
    """The JSON of an ``EvaluateResponse``.

    :param article: an ``Evaluated``.
    """
    return _before({"model": model}, article)


def batch_result(article_id: str, article: bytes) -> bytes:
    """The JSON of a ``BatchEvaluated``.

    :param article: an ``Evaluated``.
    """
    return _before({"id": article_id}, article)


def batch_failure(article_id: str | None, error: dict[str, Any]) -> bytes:
    """The JSON of a ``BatchFailed``.

    :param error: a ``Problem``.
    """
    return to_json({"id": article_id, "error": error})


def batch_response(model: ModelInfo, results: Iterable[bytes]) -> bytes:
    """The JSON of a ``BatchResponse``.

    :param results: the JSON of each result, in the order of the request.
    """
    return b'{"model":%b,"results":[%b]}' % (to_json(model), b",".join(results))


def _before(first: dict[str, Any], article: bytes) -> bytes:
    """Insert members at the front of an object that is already JSON, perhaps from the cache."""
    return to_json(first)[:-1] + b"," + article[1:]


def _to_utf16(sentences: Sequence[dict[str, Any]], text: str) -> None:
    """Count as JavaScript does: characters above U+FFFF are two units. One pass over the text."""
    position, units = 0, 0
    for sentence in sentences:  # ascending and disjoint
        for name in ("start", "end"):
            piece = text[position : sentence[name]]
            position = sentence[name]
            units += len(piece.encode("utf-16-le")) // 2
            sentence[name] = units
