"""The network as it scores: a recurrent layer over the sentences and one dense head for all of them.

In NumPy, so that serving does without PyTorch; ``training/network.py`` is the same network with gradients,
and a test holds the two together. One article is scored at a time: what others are sent beside it cannot
change a digit of its scores.

Axes, here and everywhere: T sentences (timesteps), D width of a sentence vector, F number of text features,
P number of position features, H width of the recurrent state; M members, N directions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from summarizer.text_features import ARTICLE_FEATURES, RARITY_FEATURES, TYPOGRAPHY_FEATURES

Cell = Literal["lstm", "gru", "rnn"]
Normalization = Literal["none", "layer", "batch"]
Activation = Literal["sigmoid", "linear"]
Floats: TypeAlias = NDArray[np.float32]

# How PyTorch orders the gates of a cell, how this module does, and by what it multiplies what goes into each.
# Half of what goes into a sigmoid makes it a tanh: sigmoid(x) = tanh(x / 2) / 2 + 1 / 2.
_GATE_LAYOUT: Mapping[Cell, tuple[Sequence[int], Sequence[float]]] = {
    "lstm": ([0, 1, 3, 2], [0.5, 0.5, 0.5, 1]),  # enter, forget, leave, candidate
    "gru": ([0, 1, 2], [0.5, 0.5, 1]),  # reset, update, candidate
    "rnn": ([0], [1]),
}
GATES: Mapping[Cell, int] = {cell: len(order) for cell, (order, _) in _GATE_LAYOUT.items()}
POSITION_FEATURES = 5
_EPSILON = 1e-5  # added to a variance before its root, as PyTorch's normalizations do


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Everything that rebuilds the network. Stored in the checkpoint.

    :ivar dimension: D, width of the sentence vectors.
    :ivar cell: Recurrent cell: ``lstm``, ``gru`` or ``rnn`` (tanh).
    :ivar width: H, width of the recurrent state in one direction.
    :ivar layers: Recurrent layers on top of each other.
    :ivar bidirectional: Whether a sentence also sees what comes after it.
    :ivar position_features: Whether the place in the article is added to each vector.
    :ivar text_features: Whether what the article says about the sentence is added to each vector; see
        :mod:`summarizer.text_features`. The next two are parts of it.
    :ivar rarity: Whether the text features are taken a second time with the rarity of words in the training
        articles. It travels with the checkpoint.
    :ivar typography: Whether the text features say how a sentence is set, too: what it ends with, its
        capitals and its digits; see :mod:`summarizer.typography`.
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
    rarity: bool = True
    typography: bool = True
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
        for name in ("bidirectional", "position_features", "text_features", "rarity", "typography"):
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

    @property
    def reads_rarity(self) -> bool:
        """Whether the network can do nothing without a :class:`summarizer.rarity.Rarity`."""
        return self.text_features and self.rarity


def position_features(count: int) -> Floats:
    """Where each sentence stands in its article, as five numbers in [0, 1].

    For sentence i (from 0) of n: the share before it i/n, the share after it (n-1-i)/n, 1/(1+i),
    1/(n-i), and log(1+i)/log(1+n).

    :param count: n.
    :returns: shape (n, 5), float32.
    """
    i = np.arange(count, dtype=np.float64)
    n = max(count, 1)
    features = [i / n, (n - 1 - i) / n, 1 / (1 + i), 1 / (n - i), np.log1p(i) / np.log1p(n)]
    return np.stack(features, axis=1).astype(np.float32)


def network_input(vectors: Floats, features: Floats, config: ModelConfig) -> Floats:
    """What the network reads of one article.

    :param vectors: shape (T, D).
    :param features: of :func:`summarizer.text_features.text_features`: shape (T, 18), or (T, 12) if the
        network reads no rarity.
    :returns: shape (T, D + F + P), without F or P where the network does without; a new array.
    """
    parts = [vectors, features[:, text_columns(config)]]
    if config.position_features:
        parts.append(position_features(len(vectors)))
    return np.concatenate(parts, axis=1)


def text_columns(config: ModelConfig) -> list[int]:
    """Which F of the text features the network reads."""
    if not config.text_features:
        return []
    return [
        *ARTICLE_FEATURES,
        *(TYPOGRAPHY_FEATURES if config.typography else ()),
        *(RARITY_FEATURES if config.rarity else ()),
    ]


def input_width(config: ModelConfig) -> int:
    """Width of :func:`network_input`."""
    return (
        config.dimension + len(text_columns(config)) + (POSITION_FEATURES if config.position_features else 0)
    )


def weight_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor of a network, as PyTorch names and lays them out."""
    rows, directions = GATES[config.cell] * config.width, _directions(config)
    shapes: dict[str, tuple[int, ...]] = {}
    for member in range(config.members):
        own = f"members.{member}."
        if config.normalize != "none":
            shapes |= dict.fromkeys((f"{own}normalize.weight", f"{own}normalize.bias"), (config.dimension,))
        if config.normalize == "batch":
            means = (f"{own}normalize.running_mean", f"{own}normalize.running_var")
            shapes |= dict.fromkeys(means, (config.dimension,)) | {f"{own}normalize.num_batches_tracked": ()}
        for layer in range(config.layers):
            read = input_width(config) if layer == 0 else directions * config.width
            for suffix in _suffixes(config, layer):
                shapes[f"{own}recurrent.weight_ih_{suffix}"] = (rows, read)
                shapes[f"{own}recurrent.weight_hh_{suffix}"] = (rows, config.width)
                shapes[f"{own}recurrent.bias_ih_{suffix}"] = (rows,)
                shapes[f"{own}recurrent.bias_hh_{suffix}"] = (rows,)
        shapes[f"{own}head.weight"], shapes[f"{own}head.bias"] = (1, directions * config.width), (1,)
    return shapes


class SentenceScorer:
    """The network of a checkpoint, or several whose scores are averaged. Scoring changes nothing in it.

    The recurrences of all members and directions run side by side, so that the interpreter is asked once a
    timestep for all of them.

    :param weights: of :func:`weight_shapes`.
    """

    def __init__(self, config: ModelConfig, weights: Mapping[str, NDArray[np.floating]]) -> None:
        self.config = config
        self._layers = [_layer(config, weights, layer) for layer in range(config.layers)]
        members = [f"members.{member}.head." for member in range(config.members)]
        self._head = _stacked([weights[f"{name}weight"].T for name in members])  # (M, N H, 1)
        self._head_bias = _stacked([weights[f"{name}bias"] for name in members])[:, :, None]  # (M, 1, 1)

    def score(self, article: Floats) -> Floats:
        """Scores of one article.

        :param article: shape (T, D + F + P), of :func:`network_input`; T at least 1.
        :returns: shape (T,), in [0, 1].
        """
        states = self._normalized(article)[None]  # (1, T, D + F + P)
        for layer in self._layers:
            states = self._run(layer, states)  # (M, T, N H)
        outputs = (states @ self._head + self._head_bias)[:, :, 0]  # (M, T)
        if self.config.activation == "sigmoid":
            outputs = np.tanh(outputs * 0.5) * 0.5 + 0.5
        scores: Floats = outputs.mean(axis=0).clip(0, 1)
        return scores

    def _normalized(self, article: Floats) -> Floats:
        """Layer normalization without its weights; those, and batch normalization, are in the first layer."""
        if self.config.normalize != "layer":
            return article
        normalized = article.copy()
        vectors = normalized[:, : self.config.dimension]
        vectors -= vectors.mean(axis=1, keepdims=True)
        vectors /= np.sqrt(np.square(vectors).mean(axis=1, keepdims=True) + _EPSILON)
        return normalized

    def _run(self, layer: "_Layer", inputs: Floats) -> Floats:
        """One recurrent layer.

        :param inputs: shape (M or 1, T, width of what it reads).
        :returns: shape (M, T, N H).
        """
        gates, members, directions, width = layer.shape
        steps = inputs.shape[1]
        driven = inputs @ layer.read  # (M, T, gates N H)
        driven += layer.bias
        driven = driven.reshape(members, steps, gates, directions, width).transpose(1, 2, 0, 3, 4)
        driven = np.ascontiguousarray(driven)  # (T, gates, M, N, H)
        if directions == 2:  # the second direction reads the article from its end
            driven[:, :, :, 1] = driven[::-1, :, :, 1].copy()
        flat = driven.reshape(steps, gates, members * directions, 1, width)
        states = _RECURRENCES[self.config.cell](flat, layer)  # (T, M N, 1, H)
        states = states.reshape(steps, members, directions, width)
        if directions == 2:
            states[:, :, 1] = states[::-1, :, 1].copy()
        together: Floats = states.transpose(1, 0, 2, 3).reshape(members, steps, -1)
        return together


class _Layer(NamedTuple):
    """Weights of one recurrent layer, laid out for rows of states from the left.

    Gate by gate, so that what a gate computes for all members and directions is one piece of memory: NumPy
    takes longer over pieces with gaps.
    """

    shape: tuple[int, int, int, int]  # gates, M, N, H
    read: Floats  # (M, width of what it reads, gates N H)
    bias: Floats  # (M, 1, gates N H)
    carry: Floats  # (gates, M N, H, H)
    carry_bias: Floats  # (M N, 1, H): of a GRU's candidate alone, which counts it inside


def _layer(config: ModelConfig, weights: Mapping[str, NDArray[np.floating]], layer: int) -> _Layer:
    directions, width = _directions(config), config.width
    order, scale = _GATE_LAYOUT[config.cell]
    read, bias, carry, carry_bias = (list[NDArray[np.floating]]() for _ in range(4))
    for member in range(config.members):
        for suffix in _suffixes(config, layer):
            part = {
                name: weights[f"members.{member}.recurrent.{name}_{suffix}"].astype(np.float64)
                for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            }
            inside = part["bias_hh"].copy()  # what a candidate of a GRU adds before it is gated
            inside[: -width if config.cell == "gru" else None] = 0
            reading, constant = part["weight_ih"], part["bias_ih"] + part["bias_hh"] - inside
            if layer == 0:
                reading, constant = _with_normalization(config, weights, member, reading, constant)
            for found, rows in ((read, reading), (bias, constant[:, None]), (carry, part["weight_hh"])):
                gates = rows.reshape(len(order), width, -1)[order]  # (gates, H, width of what it reads)
                found.append(gates.transpose(0, 2, 1) * np.array(scale)[:, None, None])
            carry_bias.append(inside[None, -width:])
    return _Layer(
        (len(order), config.members, directions, width),
        _side_by_side(read, config.members),
        _side_by_side(bias, config.members),
        np.ascontiguousarray(_stacked(carry).transpose(1, 0, 2, 3)),
        _stacked(carry_bias),
    )


def _side_by_side(parts: Sequence[NDArray[np.floating]], members: int) -> Floats:
    """The matrices of all gates and directions of each member as one.

    :param parts: M N of them, of shape (gates, R, H).
    :returns: shape (M, R, gates N H).
    """
    gates, read, width = parts[0].shape
    together = _stacked(parts).reshape(members, -1, gates, read, width)  # (M, N, gates, R, H)
    return np.ascontiguousarray(together.transpose(0, 3, 2, 1, 4).reshape(members, read, -1))


def _with_normalization(
    config: ModelConfig,
    weights: Mapping[str, NDArray[np.floating]],
    member: int,
    reading: NDArray[np.float64],
    constant: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The scale and shift of a normalization as part of the matrix that reads it.

    :param reading: shape (gates H, D + F + P).
    """
    if config.normalize == "none":
        return reading, constant
    own = f"members.{member}.normalize."
    scale, shift = (weights[own + name].astype(np.float64) for name in ("weight", "bias"))
    if config.normalize == "batch":
        mean, variance = (weights[own + name].astype(np.float64) for name in ("running_mean", "running_var"))
        scale = scale / np.sqrt(variance + _EPSILON)
        shift = shift - mean * scale
    vectors = reading[:, : config.dimension]
    return np.hstack([vectors * scale, reading[:, config.dimension :]]), constant + vectors @ shift


def _lstm(driven: Floats, layer: _Layer) -> Floats:
    """Hochreiter and Schmidhuber's cell with forget gates, as PyTorch's ``nn.LSTM`` computes it.

    :param driven: shape (T, 4, G, 1, H), what the inputs add to each gate, G recurrences side by side.
    :returns: shape (T, G, 1, H), the states.
    """
    states = np.empty((len(driven), *driven.shape[2:]), np.float32)
    shape = driven.shape[2:]
    # What is multiplied in one go lies in one piece: enter and forget, candidate and cell.
    memory = np.zeros((5, *shape), np.float32)
    gates, sigmoids, cell = memory[:4], memory[:3], memory[4]
    leave, products = memory[2], np.empty((2, *shape), np.float32)
    state, squashed = np.zeros((2, *shape), np.float32)
    for given, following in zip(driven, states, strict=True):
        np.matmul(state, layer.carry, out=gates)
        gates += given
        np.tanh(gates, out=gates)
        sigmoids *= 0.5
        sigmoids += 0.5
        np.multiply(memory[:2], memory[3:], out=products)
        np.add(products[0], products[1], out=cell)
        np.tanh(cell, out=squashed)
        state = np.multiply(leave, squashed, out=following)
    return states


def _gru(driven: Floats, layer: _Layer) -> Floats:
    """As PyTorch's ``nn.GRU`` computes it; shapes as in :func:`_lstm`, with 3 gates."""
    states = np.empty((len(driven), *driven.shape[2:]), np.float32)
    state = np.zeros(driven.shape[2:], np.float32)
    for given, following in zip(driven, states, strict=True):
        carried = state @ layer.carry
        reset, update = np.tanh(carried[:2] + given[:2]) * 0.5 + 0.5
        candidate = np.tanh(given[2] + reset * (carried[2] + layer.carry_bias))
        state = np.add(candidate, update * (state - candidate), out=following)
    return states


def _rnn(driven: Floats, layer: _Layer) -> Floats:
    """Elman's network with tanh; shapes as in :func:`_lstm`, with one gate."""
    states = np.empty((len(driven), *driven.shape[2:]), np.float32)
    state = np.zeros(driven.shape[2:], np.float32)
    for given, following in zip(driven, states, strict=True):
        state = np.tanh((state @ layer.carry)[0] + given[0], out=following)
    return states


_RECURRENCES = {"lstm": _lstm, "gru": _gru, "rnn": _rnn}


def _stacked(arrays: Sequence[NDArray[np.floating]]) -> Floats:
    return np.ascontiguousarray(np.stack(arrays), dtype=np.float32)


def _directions(config: ModelConfig) -> int:
    return 2 if config.bidirectional else 1


def _suffixes(config: ModelConfig, layer: int) -> list[str]:
    """How PyTorch ends the names of a layer's tensors, one for each direction."""
    return [f"l{layer}", f"l{layer}_reverse"][: _directions(config)]
