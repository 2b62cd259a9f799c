"""The network at inference: recurrent layers over the sentences, and a dense head that they share.

It is written in NumPy, so that serving does not need PyTorch; ``training/network.py`` is the same network
with gradients, and a test compares the two. One article is scored at a time, so its scores are the same to
the last digit whatever other articles are sent with it.

Axes, in every module: T sentences (timesteps), D width of a sentence vector, F number of text features,
P number of position features, H width of the recurrent state; M members, N directions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from summarizer import compiled
from summarizer.text_features import ARTICLE_FEATURES, RARITY_FEATURES, TYPOGRAPHY_FEATURES

Cell = Literal["lstm", "gru", "rnn"]
Normalization = Literal["none", "layer", "batch"]
Activation = Literal["sigmoid", "linear"]
Floats: TypeAlias = NDArray[np.float32]

# For each cell: its gates in the order of this module, by their index in PyTorch's order, and a factor for
# the pre-activation of each. Half of it turns a sigmoid into a tanh: sigmoid(x) = tanh(x / 2) / 2 + 1 / 2.
_GATE_LAYOUT: Mapping[Cell, tuple[Sequence[int], Sequence[float]]] = {
    "lstm": ([0, 1, 3, 2], [0.5, 0.5, 0.5, 1]),  # input, forget, output, cell candidate
    "gru": ([0, 1, 2], [0.5, 0.5, 1]),  # reset, update, candidate
    "rnn": ([0], [1]),
}
GATES: Mapping[Cell, int] = {cell: len(order) for cell, (order, _) in _GATE_LAYOUT.items()}
POSITION_FEATURES = 5
_EPSILON = 1e-5  # added to a variance before the square root, as in PyTorch's normalizations


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Everything needed to rebuild the network. Stored in the checkpoint.

    :ivar dimension: D, width of the sentence vectors.
    :ivar cell: Recurrent cell: ``lstm``, ``gru`` or ``rnn`` (tanh).
    :ivar width: H, width of the recurrent state in one direction.
    :ivar layers: Number of stacked recurrent layers.
    :ivar bidirectional: Whether a second direction reads the sentences from last to first.
    :ivar position_features: Whether each vector is extended by the sentence's position in the article.
    :ivar text_features: Whether each vector is extended by features of the sentence within its article; see
        :mod:`summarizer.text_features`. The next two fields matter only if it is.
    :ivar rarity: Whether the text features include those computed from the rarity of words in the training
        articles. The checkpoint contains these rarities.
    :ivar typography: Whether the text features include the typography of a sentence: what it ends with, its
        capitals and its digits; see :mod:`summarizer.typography`.
    :ivar normalize: Normalization of the sentence vectors before anything else: ``none``, ``layer`` (each
        vector by itself) or ``batch`` (each dimension over the sentences of a batch, without padding).
    :ivar activation: Of the head: ``sigmoid``, or ``linear``, whose outputs are clipped to [0, 1].
    :ivar dropout_inputs: Share of the dimensions of the sentence vectors that is dropped, the same ones in
        all sentences of an article; in [0, 1). Like the other dropouts, it applies in training only.
    :ivar dropout_recurrent: Share of the recurrent state that is dropped on its way to the next
        sentence, the same units at every sentence; in [0, 1).
    :ivar dropout_outputs: Share of the recurrent outputs that is dropped before the head and between
        layers; in [0, 1).
    :ivar members: Number of networks whose scores are averaged.
    :raises ValueError: a field has the wrong type or is out of range; the message names it.
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
                raise ValueError(f"{name} must be a number of at least 0 and below 1; got {value!r}")

    @property
    def reads_rarity(self) -> bool:
        """Whether the network needs a :class:`summarizer.rarity.Rarity`."""
        return self.text_features and self.rarity


def position_features(count: int) -> Floats:
    """The position of each sentence in its article, as five numbers in [0, 1].

    For sentence i (from 0) of n: the share before it i/n, the share after it (n-1-i)/n, 1/(1+i),
    1/(n-i), and log(1+i)/log(1+n).

    :param count: n.
    :returns: shape (n, 5), float32.
    """
    i = np.arange(count, dtype=np.float64)
    n = max(count, 1)
    features = np.empty((count, POSITION_FEATURES), np.float32)
    features[:, 0] = i / n
    features[:, 1] = (n - 1 - i) / n
    features[:, 2] = 1 / (1 + i)
    features[:, 3] = 1 / (n - i)
    features[:, 4] = np.log1p(i) / np.log1p(n)
    return features


def network_input(vectors: Floats, features: Floats, config: ModelConfig) -> Floats:
    """The input of the network for one article.

    :param vectors: shape (T, D).
    :param features: of :func:`summarizer.text_features.text_features`: shape (T, 18), or (T, 12) if the
        network reads no rarity.
    :returns: shape (T, D + F + P), float32, where F or P is 0 if the network does not read them; a new array.
    """
    columns = text_columns(config)
    inputs = np.empty((len(vectors), input_width(config)), np.float32)
    inputs[:, : config.dimension] = vectors
    after = config.dimension + len(columns)
    inputs[:, config.dimension : after] = features[:, columns]
    if config.position_features:
        inputs[:, after:] = position_features(len(vectors))
    return inputs


def text_columns(config: ModelConfig) -> list[int]:
    """The columns of the F text features that the network reads."""
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
    """Name and shape of every tensor of a network, as in PyTorch's state dict."""
    rows, directions = GATES[config.cell] * config.width, _directions(config)
    shapes: dict[str, tuple[int, ...]] = {}
    for member in range(config.members):
        prefix = f"members.{member}."
        if config.normalize != "none":
            scale_and_shift = (f"{prefix}normalize.weight", f"{prefix}normalize.bias")
            shapes |= dict.fromkeys(scale_and_shift, (config.dimension,))
        if config.normalize == "batch":
            statistics = (f"{prefix}normalize.running_mean", f"{prefix}normalize.running_var")
            shapes |= dict.fromkeys(statistics, (config.dimension,))
            shapes[f"{prefix}normalize.num_batches_tracked"] = ()
        for layer in range(config.layers):
            inputs = input_width(config) if layer == 0 else directions * config.width
            for suffix in _suffixes(config, layer):
                shapes[f"{prefix}recurrent.weight_ih_{suffix}"] = (rows, inputs)
                shapes[f"{prefix}recurrent.weight_hh_{suffix}"] = (rows, config.width)
                shapes[f"{prefix}recurrent.bias_ih_{suffix}"] = (rows,)
                shapes[f"{prefix}recurrent.bias_hh_{suffix}"] = (rows,)
        shapes[f"{prefix}head.weight"] = (1, directions * config.width)
        shapes[f"{prefix}head.bias"] = (1,)
    return shapes


class SentenceScorer:
    """The network of a checkpoint, or several with averaged scores. Thread-safe: scoring changes no state.

    The recurrences of all members and directions run side by side, so that the interpreter's overhead is paid
    once per timestep, not once per recurrence.

    :param weights: tensors with the names and shapes of :func:`weight_shapes`.
    """

    def __init__(self, config: ModelConfig, weights: Mapping[str, NDArray[np.floating]]) -> None:
        self.config = config
        self._layers = [_prepare_layer(config, weights, layer) for layer in range(config.layers)]
        members = [f"members.{member}.head." for member in range(config.members)]
        self._head = _stacked([weights[f"{name}weight"].T for name in members])  # (M, N H, 1)
        self._head_bias = _stacked([weights[f"{name}bias"] for name in members])[:, :, None]  # (M, 1, 1)

    def score(self, article: Floats) -> Floats:
        """Scores of one article.

        :param article: shape (T, D + F + P), of :func:`network_input`; T at least 1.
        :returns: shape (T,), float32, in [0, 1].
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
        """Layer normalization. Its scale and shift, and batch normalization, are part of the first layer."""
        if self.config.normalize != "layer":
            return article
        normalized = article.copy()
        vectors = normalized[:, : self.config.dimension]
        # On arrays of this size, np.mean takes several times as long.
        vectors -= (np.add.reduce(vectors, axis=1) / self.config.dimension)[:, None]
        variances = np.vecdot(vectors, vectors) / self.config.dimension
        vectors /= np.sqrt(variances + _EPSILON)[:, None]
        return normalized

    def _run(self, layer: "_Layer", inputs: Floats) -> Floats:
        """One recurrent layer.

        :param inputs: shape (M or 1, T, width of the inputs).
        :returns: shape (M, T, N H).
        """
        gates, members, directions, width = layer.shape
        steps = inputs.shape[1]
        projections = inputs @ layer.input_weights  # (M, T, gates N H)
        projections += layer.bias
        projections = projections.reshape(members, steps, gates, directions, width).transpose(1, 2, 0, 3, 4)
        projections = np.ascontiguousarray(projections)  # (T, gates, M, N, H)
        if directions == 2:  # the second direction reads the article from its end
            projections[:, :, :, 1] = projections[::-1, :, :, 1].copy()
        flat = projections.reshape(steps, gates, members * directions, 1, width)
        states = _RECURRENCES[self.config.cell](flat, layer)  # (T, M N, 1, H)
        states = states.reshape(steps, members, directions, width)
        if directions == 2:
            states[:, :, 1] = states[::-1, :, 1].copy()
        outputs: Floats = states.transpose(1, 0, 2, 3).reshape(members, steps, -1)
        return outputs


class _Layer(NamedTuple):
    """Weights of one recurrent layer, laid out to be multiplied by row vectors from the left.

    They are ordered by gate first, so that the results of a gate for all members and directions are
    contiguous in memory: NumPy is slower on arrays with gaps.
    """

    shape: tuple[int, int, int, int]  # gates, M, N, H
    input_weights: Floats  # (M, width of the inputs, gates N H)
    bias: Floats  # (M, 1, gates N H)
    recurrent_weights: Floats  # (gates, M N, H, H)
    blocks: Floats  # (gates, M N, H / BLOCK rounded up, H, BLOCK): the same for the kernels
    candidate_bias: Floats  # (M N, 1, H): what a GRU adds to its candidate before the reset gate; else 0


def _prepare_layer(config: ModelConfig, weights: Mapping[str, NDArray[np.floating]], layer: int) -> _Layer:
    directions, width = _directions(config), config.width
    order, scale = _GATE_LAYOUT[config.cell]
    input_weights, biases, recurrent_weights, candidate_biases = (
        list[NDArray[np.floating]]() for _ in range(4)
    )
    for member in range(config.members):
        for suffix in _suffixes(config, layer):
            tensors = {
                name: weights[f"members.{member}.recurrent.{name}_{suffix}"].astype(np.float64)
                for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            }
            candidate_bias = tensors["bias_hh"].copy()
            candidate_bias[: -width if config.cell == "gru" else None] = 0
            matrix, bias = tensors["weight_ih"], tensors["bias_ih"] + tensors["bias_hh"] - candidate_bias
            if layer == 0:
                matrix, bias = _with_normalization(config, weights, member, matrix, bias)
            for parts, rows in (
                (input_weights, matrix),
                (biases, bias[:, None]),
                (recurrent_weights, tensors["weight_hh"]),
            ):
                gates = rows.reshape(len(order), width, -1)[order]  # (gates, H, columns of rows)
                parts.append(gates.transpose(0, 2, 1) * np.array(scale)[:, None, None])
            candidate_biases.append(candidate_bias[None, -width:])
    recurrent = np.ascontiguousarray(_stacked(recurrent_weights).transpose(1, 0, 2, 3))
    return _Layer(
        (len(order), config.members, directions, width),
        _side_by_side(input_weights, config.members),
        _side_by_side(biases, config.members),
        recurrent,
        _in_blocks(recurrent),
        _stacked(candidate_biases),
    )


def _side_by_side(parts: Sequence[NDArray[np.floating]], members: int) -> Floats:
    """Join the matrices of all gates and directions of each member into one.

    :param parts: M N matrices of shape (gates, R, H).
    :returns: shape (M, R, gates N H).
    """
    gates, rows, width = parts[0].shape
    joined = _stacked(parts).reshape(members, -1, gates, rows, width)  # (M, N, gates, R, H)
    return np.ascontiguousarray(joined.transpose(0, 3, 2, 1, 4).reshape(members, rows, -1))


def _in_blocks(matrices: Floats) -> Floats:
    """The columns of each matrix in blocks, one after the other; zeros fill up the last one."""
    missing = -matrices.shape[-1] % compiled.BLOCK
    filled = np.pad(matrices, ((0, 0), (0, 0), (0, 0), (0, missing)))
    blocks = filled.reshape(*matrices.shape[:3], -1, compiled.BLOCK)
    return np.ascontiguousarray(blocks.transpose(0, 1, 3, 2, 4))


def _with_normalization(
    config: ModelConfig,
    weights: Mapping[str, NDArray[np.floating]],
    member: int,
    matrix: NDArray[np.float64],
    bias: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fold the scale and shift of a normalization into the weights that are applied to its result.

    :param matrix: shape (gates H, D + F + P).
    :param bias: shape (gates H,).
    :returns: the two with the normalization.
    """
    if config.normalize == "none":
        return matrix, bias
    prefix = f"members.{member}.normalize."
    scale, shift = (weights[prefix + name].astype(np.float64) for name in ("weight", "bias"))
    if config.normalize == "batch":
        mean, variance = (
            weights[prefix + name].astype(np.float64) for name in ("running_mean", "running_var")
        )
        scale = scale / np.sqrt(variance + _EPSILON)
        shift = shift - mean * scale
    vectors = matrix[:, : config.dimension]
    return np.hstack([vectors * scale, matrix[:, config.dimension :]]), bias + vectors @ shift


def _lstm(projections: Floats, layer: _Layer) -> Floats:
    """Hochreiter and Schmidhuber's cell with forget gates, as PyTorch's ``nn.LSTM`` computes it.

    :param projections: shape (T, 4, M N, 1, H), what the inputs contribute to each gate.
    :returns: shape (T, M N, 1, H), the states.
    """
    states = np.empty((len(projections), *projections.shape[2:]), np.float32)
    shape = projections.shape[2:]
    if compiled.kernels is not None:
        compiled.kernels.lstm(shape[0], shape[2], projections, layer.blocks, states)
        return states
    # Input, forget and output gate, cell candidate, and the cell: in this order one call multiplies both the
    # input gate by the candidate and the forget gate by the cell.
    memory = np.zeros((5, *shape), np.float32)
    gates, sigmoids, cell = memory[:4], memory[:3], memory[4]
    output_gate, products = memory[2], np.empty((2, *shape), np.float32)
    state, cell_tanh = np.zeros((2, *shape), np.float32)
    for projection, next_state in zip(projections, states, strict=True):
        np.matmul(state, layer.recurrent_weights, out=gates)
        gates += projection
        np.tanh(gates, out=gates)
        sigmoids *= 0.5
        sigmoids += 0.5
        np.multiply(memory[:2], memory[3:], out=products)
        np.add(products[0], products[1], out=cell)
        np.tanh(cell, out=cell_tanh)
        state = np.multiply(output_gate, cell_tanh, out=next_state)
    return states


def _gru(projections: Floats, layer: _Layer) -> Floats:
    """As PyTorch's ``nn.GRU`` computes it; shapes as in :func:`_lstm`, with 3 gates."""
    states = np.empty((len(projections), *projections.shape[2:]), np.float32)
    state = np.zeros(projections.shape[2:], np.float32)
    for projection, next_state in zip(projections, states, strict=True):
        recurrent = state @ layer.recurrent_weights
        reset, update = np.tanh(recurrent[:2] + projection[:2]) * 0.5 + 0.5
        candidate = np.tanh(projection[2] + reset * (recurrent[2] + layer.candidate_bias))
        state = np.add(candidate, update * (state - candidate), out=next_state)
    return states


def _rnn(projections: Floats, layer: _Layer) -> Floats:
    """Elman's network with tanh; shapes as in :func:`_lstm`, with one gate."""
    states = np.empty((len(projections), *projections.shape[2:]), np.float32)
    state = np.zeros(projections.shape[2:], np.float32)
    for projection, next_state in zip(projections, states, strict=True):
        state = np.tanh((state @ layer.recurrent_weights)[0] + projection[0], out=next_state)
    return states


_RECURRENCES = {"lstm": _lstm, "gru": _gru, "rnn": _rnn}


def _stacked(arrays: Sequence[NDArray[np.floating]]) -> Floats:
    return np.ascontiguousarray(np.stack(arrays), dtype=np.float32)


def _directions(config: ModelConfig) -> int:
    return 2 if config.bidirectional else 1


def _suffixes(config: ModelConfig, layer: int) -> list[str]:
    """The endings of PyTorch's names for the tensors of a layer, one per direction."""
    return [f"l{layer}", f"l{layer}_reverse"][: _directions(config)]
