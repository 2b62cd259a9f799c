"""The network: a recurrent layer over the sentences and one dense head for all of them.

Axes, here and everywhere: B articles in a batch, T sentences (timesteps), D width of a sentence vector,
H width of the recurrent layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

Cell = Literal["lstm", "gru", "rnn"]

_CELLS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
POSITION_FEATURES = 5


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Everything that rebuilds the network. Stored in the checkpoint.

    :ivar dimension: D, width of the sentence vectors.
    :ivar cell: ``lstm``, ``gru`` or ``rnn`` (tanh).
    :ivar width: H, width of the recurrent state in one direction.
    :ivar layers: recurrent layers on top of each other.
    :ivar bidirectional: whether a sentence also sees what comes after it.
    :ivar position_features: whether the place in the article is added to each vector.
    :ivar normalize: layer normalization of the sentence vectors before anything else.
    :ivar dropout: share of inputs and of outputs that is dropped, in training only, in [0, 1).
    :raises ValueError: a field out of its range, by name.
    """

    dimension: int
    cell: Cell = "lstm"
    width: int = 128
    layers: int = 1
    bidirectional: bool = True
    position_features: bool = True
    normalize: bool = True
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for name in ("dimension", "width", "layers"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1; got {value!r}")
        for name in ("bidirectional", "position_features", "normalize"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be true or false; got {getattr(self, name)!r}")
        if self.cell not in get_args(Cell):
            raise ValueError(f"cell must be one of {', '.join(get_args(Cell))}; got {self.cell!r}")
        if not isinstance(self.dropout, (int, float)) or not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be a number from 0 to 1 (not included); got {self.dropout!r}")


class PaddedBatch(NamedTuple):
    """Articles of different lengths as one tensor.

    :ivar vectors: shape (B, T, D), zero beyond each article's end.
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

    :param articles: B arrays of shape (T_b, D), T_b at least 1.
    """
    lengths = torch.tensor([len(article) for article in articles], dtype=torch.long)
    tensors = [torch.from_numpy(np.asarray(article)) for article in articles]
    return PaddedBatch(nn.utils.rnn.pad_sequence(tensors, batch_first=True), lengths)


class SentenceScorer(nn.Module):
    """Recurrent layer, then the same dense head at each timestep.

    Padding cannot leak: the recurrence runs over packed sequences, so its backward direction starts at
    each article's own last sentence.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        directions = 2 if config.bidirectional else 1
        self.normalize = nn.LayerNorm(config.dimension) if config.normalize else nn.Identity()
        self.recurrent = _CELLS[config.cell](
            input_size=config.dimension + (POSITION_FEATURES if config.position_features else 0),
            hidden_size=config.width,
            num_layers=config.layers,
            bidirectional=config.bidirectional,
            dropout=config.dropout if config.layers > 1 else 0.0,
            batch_first=True,
        )
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.width * directions, 1)

    def forward(self, batch: PaddedBatch) -> Tensor:
        """Logits of the scores.

        :returns: shape (B, T); what stands beyond an article's end means nothing.
        """
        inputs = self.dropout(self.normalize(batch.vectors))  # (B, T, D)
        if self.config.position_features:
            places = position_features(batch.lengths, inputs.shape[1]).to(inputs)  # (B, T, 5)
            inputs = torch.cat([inputs, places], dim=2)
        packed = pack_padded_sequence(inputs, batch.lengths, batch_first=True, enforce_sorted=False)
        states, _ = self.recurrent(packed)
        unpacked, _ = pad_packed_sequence(states, batch_first=True, total_length=inputs.shape[1])
        logits: Tensor = self.head(self.dropout(unpacked)).squeeze(2)  # (B, T, H or 2H) -> (B, T)
        return logits

    @torch.inference_mode()
    def score(self, batch: PaddedBatch) -> Tensor:
        """Scores without gradients, in evaluation mode.

        :returns: shape (B, T), in [0, 1], on the CPU; what stands beyond an article's end means nothing.
        """
        self.eval()
        weight = self.head.weight
        placed = PaddedBatch(batch.vectors.to(device=weight.device, dtype=weight.dtype), batch.lengths)
        return torch.sigmoid(self(placed)).cpu()


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
