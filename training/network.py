"""The network of :mod:`summarizer.model` for training: in PyTorch, over padded batches.

Axes, here and everywhere: B articles in a batch, T sentences (timesteps), D width of a sentence vector,
F number of text features, P number of position features, K number of kinds of text, H width of the recurrent
layer.
"""

from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from summarizer.model import KIND_WEIGHT, ModelConfig, input_width, weight_shapes
from summarizer.recurrence import GATES

_CELLS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


class PaddedBatch(NamedTuple):
    """Articles of different lengths as one tensor.

    :ivar vectors: shape (B, T, D + F + P + K), the input of the network; zero beyond each article's end.
    :ivar lengths: shape (B,), int64, on the CPU; at least 1 each.
    """

    vectors: Tensor
    lengths: Tensor

    @property
    def mask(self) -> Tensor:
        """Shape (B, T), bool: True where there is a sentence."""
        steps = torch.arange(self.vectors.shape[1], device=self.vectors.device)
        return steps[None, :] < self.lengths.to(self.vectors.device)[:, None]


def pad(articles: Sequence[NDArray[np.floating]]) -> PaddedBatch:
    """Stack articles into a batch; the only place that pads.

    :param articles: B arrays of :func:`summarizer.model.network_input`, T_b at least 1.
    """
    lengths = torch.tensor([len(article) for article in articles], dtype=torch.long)
    tensors = [torch.from_numpy(np.asarray(article)) for article in articles]
    return PaddedBatch(nn.utils.rnn.pad_sequence(tensors, batch_first=True), lengths)


class Network(nn.Module):
    """The network of a checkpoint, or several whose scores are averaged."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.members = nn.ModuleList(_Member(config) for _ in range(config.members))
        if config.kinds:  # fitted by training.kinds, not by gradients
            outputs, inputs = weight_shapes(config)[KIND_WEIGHT]
            self.kinds = nn.Linear(inputs, outputs).requires_grad_(False)

    def forward(self, batch: PaddedBatch) -> Tensor:
        """Outputs of the head before its activation; with several members, of their mean score.

        :returns: shape (B, T); values beyond an article's end are meaningless.
        """
        outputs = torch.stack([member(batch) for member in self.members])  # (M, B, T)
        if len(outputs) == 1:
            return outputs[0]
        if self.config.activation == "linear":
            return outputs.mean(dim=0)
        return torch.logit(torch.sigmoid(outputs).mean(dim=0))

    def activate(self, outputs: Tensor) -> Tensor:
        """From the outputs of :meth:`forward` to scores, which are compared with targets; any shape."""
        return outputs if self.config.activation == "linear" else torch.sigmoid(outputs)

    def weights(self) -> dict[str, NDArray[np.floating]]:
        """A copy of all tensors by name, as :func:`summarizer.model.weight_shapes` lists them."""
        return {name: tensor.detach().cpu().numpy().copy() for name, tensor in self.state_dict().items()}


class _Member(nn.Module):
    """Recurrent layer, then the same dense head at each timestep.

    Padding cannot leak: the recurrence runs over packed sequences, so its backward direction starts at
    each article's own last sentence.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        directions = 2 if config.bidirectional else 1
        self.normalize = _normalization(config)
        self.recurrent = _CELLS[config.cell](
            input_size=input_width(config),
            hidden_size=config.width,
            num_layers=config.layers,
            bidirectional=config.bidirectional,
            dropout=config.dropout_outputs if config.layers > 1 else 0.0,
            batch_first=True,
        )
        self.dropout = nn.Dropout(config.dropout_outputs)
        self.head = nn.Linear(config.width * directions, 1)

    def forward(self, batch: PaddedBatch) -> Tensor:
        """:returns: shape (B, T), the outputs of the head."""
        width = self.config.dimension
        vectors, features = batch.vectors[:, :, :width], batch.vectors[:, :, width:]
        # Dropping along T at once is what nn.functional.dropout1d does to the channels of (B, D, T).
        inputs = nn.functional.dropout1d(
            self._normalized(vectors, batch.mask).transpose(1, 2), self.config.dropout_inputs, self.training
        ).transpose(1, 2)  # (B, T, D)
        if self.training and self.config.dropout_kind and self.config.kinds:
            features = self._with_hidden_kinds(features)
        inputs = torch.cat([inputs, features], dim=2)  # (B, T, D + F + P + K)
        packed = pack_padded_sequence(inputs, batch.lengths, batch_first=True, enforce_sorted=False)
        if self.training and self.config.dropout_recurrent:
            states, _ = functional_call(self.recurrent, self._thinned_weights(), (packed,))
        else:
            states, _ = self.recurrent(packed)
        unpacked, _ = pad_packed_sequence(states, batch_first=True, total_length=inputs.shape[1])
        outputs: Tensor = self.head(self.dropout(unpacked)).squeeze(2)  # (B, T, H or 2H) -> (B, T)
        return outputs

    def _normalized(self, vectors: Tensor, mask: Tensor) -> Tensor:
        if self.config.normalize != "batch":
            normalized: Tensor = self.normalize(vectors)
            return normalized
        real = vectors[mask]  # (N, D), N real sentences: padding does not count in the mean
        if self.training and len(real) == 1:  # one sentence has no deviation: use the running one
            norm = cast(nn.BatchNorm1d, self.normalize)
            real = nn.functional.batch_norm(
                real, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
            )
        else:
            real = self.normalize(real)
        return torch.zeros_like(vectors).masked_scatter(mask[:, :, None], real)

    def _with_hidden_kinds(self, features: Tensor) -> Tensor:
        """:param features: shape (B, T, F + P + K); the K columns of some articles become 0."""
        kinds = len(self.config.kinds)
        shown = torch.rand(len(features), 1, 1, device=features.device) >= self.config.dropout_kind
        return torch.cat([features[:, :, :-kinds], features[:, :, -kinds:] * shown], dim=2)

    def _thinned_weights(self) -> dict[str, Tensor]:
        """The recurrent weights with some of their columns dropped.

        To drop the same units of the state at every sentence, by one mask for each gate (Gal and
        Ghahramani, "A Theoretically Grounded Application of Dropout in Recurrent Neural Networks",
        NeurIPS 2016), is to drop columns of these matrices before the article is read. So the fused kernel
        can run; the mask is one for the batch instead of one for each article.
        """
        gates, width = GATES[self.config.cell], self.config.width
        thinned = {}
        for name, weight in self.recurrent.named_parameters():
            if name.startswith("weight_hh"):  # (G H, H)
                kept = nn.functional.dropout(weight.new_ones(gates, 1, width), self.config.dropout_recurrent)
                thinned[name] = (weight.view(gates, width, width) * kept).view_as(weight)
        return thinned


def _normalization(config: ModelConfig) -> nn.Module:
    if config.normalize == "batch":
        return nn.BatchNorm1d(config.dimension)
    return nn.LayerNorm(config.dimension) if config.normalize == "layer" else nn.Identity()
