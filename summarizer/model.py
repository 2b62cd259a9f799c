"""The network: a recurrent layer over the sentences and one dense head for all of them.

Axes, here and everywhere: B articles in a batch, T sentences (timesteps), D width of a sentence vector,
F number of text features, H width of the recurrent layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, cast, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from summarizer.text_features import TEXT_FEATURES

Cell = Literal["lstm", "gru", "rnn"]
Normalization = Literal["none", "layer", "batch"]
Activation = Literal["sigmoid", "linear"]

_CELLS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
_GATES = {"lstm": 4, "gru": 3, "rnn": 1}
POSITION_FEATURES = 5


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Everything that rebuilds the network. Stored in the checkpoint.

    :ivar dimension: D, width of the sentence vectors.
    :ivar cell: Recurrent cell: ``lstm``, ``gru`` or ``rnn`` (tanh).
    :ivar width: H, width of the recurrent state in one direction.
    :ivar layers: Recurrent layers on top of each other.
    :ivar bidirectional: Whether a sentence also sees what comes after it.
    :ivar position_features: Whether the place in the article is added to each vector.
    :ivar text_features: Whether what the words of the article say about the sentence is added to each
        vector; see :mod:`summarizer.text_features`.
    :ivar normalize: Normalization of the sentence vectors before anything else: ``none``, ``layer`` (each
        vector by itself) or ``batch`` (each number over the sentences of a batch; padding does not count).
    :ivar activation: Of the head: ``sigmoid``, or ``linear``, whose outputs are clipped to [0, 1].
    :ivar dropout_inputs: Share of the numbers of a sentence vector that is dropped, the same ones in all
        sentences of an article; in training only, as the other dropouts; in [0, 1).
    :ivar dropout_recurrent: Share of the recurrent state that is dropped on its way to the next
        sentence, the same units at every sentence; in [0, 1).
    :ivar dropout_outputs: Share of the recurrent outputs that is dropped before the head and between
        layers; in [0, 1).
    :ivar members: Networks whose scores are averaged.
    :raises ValueError: a field out of its range, by name.
    """

    dimension: int
    cell: Cell = "lstm"
    width: int = 128
    layers: int = 1
    bidirectional: bool = True
    position_features: bool = True
    text_features: bool = True
    normalize: Normalization = "layer"
    activation: Activation = "sigmoid"
    dropout_inputs: float = 0.3
    dropout_recurrent: float = 0.0
    dropout_outputs: float = 0.3
    members: int = 1

    def __post_init__(self) -> None:
        for name in ("dimension", "width", "layers", "members"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1; got {value!r}")
        for name in ("bidirectional", "position_features", "text_features"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be true or false; got {getattr(self, name)!r}")
        for name, choices in (("cell", Cell), ("normalize", Normalization), ("activation", Activation)):
            if getattr(self, name) not in get_args(choices):
                raise ValueError(
                    f"{name} must be one of {', '.join(get_args(choices))}; got {getattr(self, name)!r}"
                )
        for name in ("dropout_inputs", "dropout_recurrent", "dropout_outputs"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
                raise ValueError(f"{name} must be a number from 0 to 1 (not included); got {value!r}")


class PaddedBatch(NamedTuple):
    """Articles of different lengths as one tensor.

    :ivar vectors: shape (B, T, D), or (B, T, D + F) with text features; zero beyond each article's end.
    :ivar lengths: shape (B,), int64, on the CPU; at least 1 each.
    """

    vectors: Tensor
    lengths: Tensor

    @property
    def mask(self) -> Tensor:
        """Shape (B, T), bool: True where there is a sentence."""
        steps = torch.arange(self.vectors.shape[1], device=self.vectors.device)
        return steps[None, :] < self.lengths.to(self.vectors.device)[:, None]


def network_input(
    vectors: NDArray[np.float32], features: NDArray[np.float32], config: ModelConfig
) -> NDArray[np.float32]:
    """What the network reads of one article.

    :param vectors: shape (T, D).
    :param features: shape (T, F), of :func:`summarizer.text_features.text_features`.
    :returns: shape (T, D + F), or (T, D) if the network does without them; a copy, since PyTorch wants
        arrays that may be written.
    """
    return np.concatenate([vectors, features], axis=1) if config.text_features else np.array(vectors)


def pad(articles: Sequence[NDArray[np.floating]]) -> PaddedBatch:
    """Stack articles into a batch; the only place that pads.

    :param articles: B arrays of :func:`network_input`, T_b at least 1.
    """
    lengths = torch.tensor([len(article) for article in articles], dtype=torch.long)
    tensors = [torch.from_numpy(np.asarray(article)) for article in articles]
    return PaddedBatch(nn.utils.rnn.pad_sequence(tensors, batch_first=True), lengths)


class SentenceScorer(nn.Module):
    """The network of a checkpoint, or several whose scores are averaged."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.members = nn.ModuleList(_Network(config) for _ in range(config.members))

    def forward(self, batch: PaddedBatch) -> Tensor:
        """What the head gives before its activation; for several members, of their mean score.

        :returns: shape (B, T); what stands beyond an article's end means nothing.
        """
        outputs = torch.stack([member(batch) for member in self.members])  # (M, B, T)
        if len(outputs) == 1:
            return outputs[0]
        if self.config.activation == "linear":
            return outputs.mean(dim=0)
        return torch.logit(torch.sigmoid(outputs).mean(dim=0))

    def activate(self, outputs: Tensor) -> Tensor:
        """From what :meth:`forward` gives to what is compared with targets; any shape."""
        return outputs if self.config.activation == "linear" else torch.sigmoid(outputs)

    @torch.inference_mode()
    def score(self, batch: PaddedBatch) -> Tensor:
        """Scores without gradients, in evaluation mode.

        :returns: shape (B, T), in [0, 1], on the CPU; what stands beyond an article's end means nothing.
        """
        self.eval()
        weight = next(self.parameters())
        placed = PaddedBatch(batch.vectors.to(device=weight.device, dtype=weight.dtype), batch.lengths)
        return self.activate(self(placed)).clamp(0, 1).cpu()


class _Network(nn.Module):
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
            input_size=config.dimension
            + (TEXT_FEATURES if config.text_features else 0)
            + (POSITION_FEATURES if config.position_features else 0),
            hidden_size=config.width,
            num_layers=config.layers,
            bidirectional=config.bidirectional,
            dropout=config.dropout_outputs if config.layers > 1 else 0.0,
            batch_first=True,
        )
        self.dropout = nn.Dropout(config.dropout_outputs)
        self.head = nn.Linear(config.width * directions, 1)

    def forward(self, batch: PaddedBatch) -> Tensor:
        """:returns: shape (B, T), what the head gives."""
        width = self.config.dimension
        vectors, features = batch.vectors[:, :, :width], batch.vectors[:, :, width:]
        # Dropping along T at once is what nn.functional.dropout1d does to the channels of (B, D, T).
        inputs = nn.functional.dropout1d(
            self._normalized(vectors, batch.mask).transpose(1, 2), self.config.dropout_inputs, self.training
        ).transpose(1, 2)  # (B, T, D)
        inputs = torch.cat([inputs, features], dim=2)  # (B, T, D or D + F)
        if self.config.position_features:
            places = position_features(batch.lengths, inputs.shape[1]).to(inputs)  # (B, T, 5)
            inputs = torch.cat([inputs, places], dim=2)
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
        real = vectors[mask]  # (N, D), N real sentences: padding is in no mean
        if self.training and len(real) == 1:  # one sentence has no deviation: what is known so far
            norm = cast(nn.BatchNorm1d, self.normalize)
            real = nn.functional.batch_norm(
                real, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
            )
        else:
            real = self.normalize(real)
        return torch.zeros_like(vectors).masked_scatter(mask[:, :, None], real)

    def _thinned_weights(self) -> dict[str, Tensor]:
        """The weights that carry the state from sentence to sentence, some of their columns dropped.

        To drop the same units of the state at every sentence, by one mask for each gate (Gal and
        Ghahramani, "A Theoretically Grounded Application of Dropout in Recurrent Neural Networks",
        NeurIPS 2016), is to drop columns of these matrices before the article is read. So the fused kernel
        can run; the mask is one for the batch instead of one for each article.
        """
        gates, width = _GATES[self.config.cell], self.config.width
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


def position_features(lengths: Tensor, steps: int) -> Tensor:
    """Where each sentence stands in its article, as five numbers in [0, 1].

    For sentence i (from 0) of n: the share before it i/n, the share after it (n-1-i)/n, 1/(1+i),
    1/(n-i), and log(1+i)/log(1+n).

    :param lengths: shape (B,), n of each article.
    :param steps: T, at least the longest n.
    :returns: shape (B, T, 5), float64; zeros beyond an article's end.
    """
    n = lengths.to(torch.float64)[:, None]  # (B, 1)
    i = torch.arange(steps, dtype=torch.float64)[None, :]  # (1, T)
    inside = i < n
    features = torch.stack(
        [
            i / n,
            (n - 1 - i) / n,
            1 / (1 + i).expand(len(lengths), -1),
            1 / (n - i).clamp(min=1),
            torch.log1p(i) / torch.log1p(n),
        ],
        dim=2,
    )
    return features * inside[:, :, None]
