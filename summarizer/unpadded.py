"""A transformer on the tokens of several sentences in a row, without padding.

All layers but attention treat each token by itself. Attention takes one sentence after the other, so nothing
that is computed for a sentence depends on those beside it. transformers and sentence-transformers do the same
on GPUs with FlashAttention; this uses their interfaces for it, on any device.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, chain, groupby, pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

# The name under which transformers knows our attention.
ATTENTION = "sentence_by_sentence"

# What attention may be given besides queries, keys and values without our having to do anything about it.
_IGNORED = {"dropout", "position_ids", "use_cache", "output_attentions", "output_hidden_states"}


class PaddingNeeded(Exception):
    """The model needs more than its tokens and where each sentence begins."""


def use_own_attention(model: Any) -> None:
    """Let a transformer attend within the sentences of :func:`in_a_row`.

    :param model: a ``PreTrainedModel``.
    :raises PaddingNeeded: it is not one that takes sentences without padding.
    """
    from transformers import AttentionInterface, AttentionMaskInterface

    if not (model.is_backend_compatible() and model._supports_flash_attn):
        raise PaddingNeeded
    AttentionInterface.register(ATTENTION, attend)
    AttentionMaskInterface.register(ATTENTION, _no_mask)
    model.set_attn_implementation(ATTENTION)


def in_a_row(
    sentences: Sequence[Mapping[str, Sequence[int]]], padding: int | None
) -> dict[str, "torch.Tensor"]:
    """The tokens of several sentences as one sequence, as transformers expects it.

    :param sentences: what a tokenizer returns for each, without padding.
    :param padding: of :func:`padding_of_positions`.
    """
    import torch

    lengths = [len(sentence["input_ids"]) for sentence in sentences]
    columns: dict[str, list[int]] = {
        name: list(chain.from_iterable(sentence[name] for sentence in sentences))
        for name in sentences[0]
        if name != "attention_mask"
    }
    columns["position_ids"] = list(
        chain.from_iterable(_positions(sentence["input_ids"], padding) for sentence in sentences)
    )
    features = {name: torch.tensor([column]) for name, column in columns.items()}
    features["cu_seq_lens_q"] = torch.tensor([0, *accumulate(lengths)])
    return features


def padding_of_positions(model: Any) -> int | None:
    """The id and the position of padding in models like RoBERTa, whose first token has the position after it.

    None for models whose positions begin with 0. sentence-transformers tells them apart in the same way.
    """
    import torch

    for module in model.modules():
        padding = getattr(module, "padding_idx", None)
        if isinstance(padding, int) and isinstance(
            getattr(module, "position_embeddings", None), torch.nn.Embedding
        ):
            return padding
    return None


def _positions(ids: Sequence[int], padding: int | None) -> Iterator[int]:
    """Tokens that look like padding, because a text may contain that too, keep its position."""
    if padding is None:
        yield from range(len(ids))
        return
    last = padding
    for token in ids:
        last += token != padding
        yield padding if token == padding else last


def attend(
    module: Any,
    query: "torch.Tensor",
    key: "torch.Tensor",
    value: "torch.Tensor",
    attention_mask: "torch.Tensor | None" = None,
    *,
    scaling: float | None = None,
    cu_seq_lens_q: "torch.Tensor | None" = None,
    **settings: Any,
) -> "tuple[torch.Tensor, None]":
    """Attention within each sentence; sentences of the same length that are side by side go together.

    :param query: shape (1, heads, tokens, width), as ``key`` and ``value``.
    :param cu_seq_lens_q: where each sentence begins, and where the last one ends.
    :returns: shape (1, tokens, heads, width).
    :raises PaddingNeeded: the model attends in another way.
    """
    import torch

    unknown = [name for name, setting in settings.items() if setting is not None and name not in _IGNORED]
    looks_back_only, shares_keys = getattr(module, "is_causal", False), key.shape != query.shape
    if cu_seq_lens_q is None or attention_mask is not None or looks_back_only or shares_keys or unknown:
        raise PaddingNeeded
    _, heads, tokens, width = query.shape
    attended = query.new_empty((tokens, heads, width))
    start = 0
    for length, same in groupby(end - begin for begin, end in pairwise(cu_seq_lens_q.tolist())):
        end = start + length * sum(1 for _ in same)
        if end > start:
            queries, keys, values = (
                part[0, :, start:end].reshape(heads, -1, length, width).transpose(0, 1)
                for part in (query, key, value)
            )
            found = torch.nn.functional.scaled_dot_product_attention(queries, keys, values, scale=scaling)
            attended[start:end] = found.transpose(1, 2).flatten(0, 1)
        start = end
    return attended.unsqueeze(0), None


def _no_mask(*_: Any, **__: Any) -> None:
    """No token has to be hidden from others."""
