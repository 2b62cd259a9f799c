"""The network at inference: recurrent layers over the sentences, and a dense head that they share.

It needs NumPy alone, so that serving does not need PyTorch; ``training/network.py`` is the same network
with gradients, and a test compares the two. One article is scored at a time, so its scores are the same to
the last digit whatever other articles are sent with it.

Axes, in every module: T sentences (timesteps), D width of a sentence vector, F number of text features,
P number of position features, K number of kinds of text, H width of the recurrent state; M members,
N directions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from summarizer import compiled
from summarizer.kinds import KindClassifier, article_features, features_of_article
from summarizer.recurrence import GATES, CellKind, CellWeights, Floats, RecurrentLayer, recurrent_layer
from summarizer.text_features import ARTICLE_FEATURES, RARITY_FEATURES, TYPOGRAPHY_FEATURES

Normalization = Literal["none", "layer", "batch"]
Activation = Literal["sigmoid", "linear"]

POSITION_FEATURES = 5
KIND_WEIGHT, KIND_BIAS = "kinds.weight", "kinds.bias"
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
    :ivar dropout_kind: Share of articles whose kind the network does not get in training; in [0, 1).
    :ivar members: Number of networks whose scores are averaged.
    :ivar kinds: Names of the kinds of text that the network tells apart, such as ``news``; see
        :mod:`summarizer.kinds`.
    :raises ValueError: a field has the wrong type or is out of range; the message names it.
    """

    dimension: int
    cell: CellKind = "lstm"
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
    dropout_kind: float = 0.0
    members: int = 1
    kinds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "kinds", _kind_names(self.kinds))
        for name in ("dimension", "width", "layers", "members"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1; got {value!r}")
        for name in ("bidirectional", "position_features", "text_features", "rarity", "typography"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be true or false; got {getattr(self, name)!r}")
        for name, choices in (("cell", CellKind), ("normalize", Normalization), ("activation", Activation)):
            if getattr(self, name) not in get_args(choices):
                raise ValueError(
                    f"{name} must be one of {', '.join(get_args(choices))}; got {getattr(self, name)!r}"
                )
        for name in ("dropout_inputs", "dropout_recurrent", "dropout_outputs", "dropout_kind"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
                raise ValueError(f"{name} must be a number of at least 0 and below 1; got {value!r}")

    @property
    def kind_tensors(self) -> tuple[str, ...]:
        """Names of the tensors of the classifier of kinds."""
        return (KIND_WEIGHT, KIND_BIAS) if self.kinds else ()

    @property
    def reads_rarity(self) -> bool:
        """Whether the network needs a :class:`summarizer.rarity.Rarity`."""
        return self.text_features and self.rarity


def _kind_names(given: object) -> tuple[str, ...]:
    """:param given: a list if it was read from JSON."""
    if not isinstance(given, (tuple, list)) or not all(isinstance(name, str) and name for name in given):
        raise ValueError(f"kinds must be a list of names; got {given!r}")
    if len(given) == 1 or len(set(given)) < len(given):
        raise ValueError(f"kinds must be at least two different names, or none; got {given!r}")
    return tuple(given)


def position_features(count: int) -> Floats:
    """The position of each sentence in its article, as five numbers in [0, 1].

    For sentence i (from 0) of n: the share before it i/n, the share after it (n-1-i)/n, 1/(1+i),
    1/(n-i), and log(1+i)/log(1+n).

    :param count: n.
    :returns: shape (n, 5), float32; not to be modified.
    """
    return _remembered_positions(count) if count <= _REMEMBERED_LENGTH else _positions(count)


def _positions(count: int) -> Floats:
    i = np.arange(count, dtype=np.float64)
    n = max(count, 1)
    columns = [i / n, (n - 1 - i) / n, 1 / (1 + i), 1 / (n - i), np.log1p(i) / np.log1p(n)]
    features = np.stack(columns, axis=1).astype(np.float32)
    features.flags.writeable = False
    return features


# Many articles are as long as another one: at most 2.6 MB.
_REMEMBERED_LENGTH = 512
_remembered_positions = lru_cache(maxsize=256)(_positions)


def network_input(vectors: Floats, features: Floats, config: ModelConfig, kind: int | None = None) -> Floats:
    """The input of the network for one article.

    :param vectors: shape (T, D).
    :param features: of :func:`summarizer.text_features.text_features`: shape (T, 18), or (T, 12) if the
        network reads no rarity.
    :param kind: index of the kind of the article, in [0, K); None for none.
    :returns: shape (T, D + F + P + K), float32, where F, P or K is 0 if the network does not read them; a new
        array.
    """
    read = _read_features(features, config)
    inputs = np.empty((len(vectors), input_width(config)), np.float32)
    inputs[:, : config.dimension] = vectors
    after = config.dimension + read.shape[1]
    inputs[:, config.dimension : after] = read
    if config.position_features:
        inputs[:, after : after + POSITION_FEATURES] = position_features(len(vectors))
    if config.kinds:
        inputs[:, -len(config.kinds) :] = 0
        if kind is not None:
            inputs[:, kind - len(config.kinds)] = 1
    return inputs


def kind_input(sentences: Sequence[str], vectors: Floats, features: Floats, config: ModelConfig) -> Floats:
    """The input of the classifier of kinds for one article: :func:`summarizer.kinds.article_features`.

    :param vectors: as the next one, see :func:`network_input`.
    :returns: shape (A,), float32.
    """
    return article_features(sentences, vectors, _read_features(features, config))


def _read_features(features: Floats, config: ModelConfig) -> Floats:
    """The columns of the text features that the network reads; usually all."""
    columns = text_columns(config)
    return features if len(columns) == features.shape[1] else features[:, columns]


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
    positions = POSITION_FEATURES if config.position_features else 0
    return config.dimension + len(text_columns(config)) + positions + len(config.kinds)


def weight_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor of a network, as in PyTorch's state dict."""
    rows, directions = GATES[config.cell] * config.width, _directions(config)
    shapes: dict[str, tuple[int, ...]] = {}
    if config.kinds:
        seen = features_of_article(config.dimension, len(text_columns(config)))
        shapes |= {KIND_WEIGHT: (len(config.kinds), seen), KIND_BIAS: (len(config.kinds),)}
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

    :param weights: tensors with the names and shapes of :func:`weight_shapes`.
    """

    def __init__(self, config: ModelConfig, weights: Mapping[str, NDArray[np.floating]]) -> None:
        self.config = config
        self._layers = [_layer(config, weights, layer) for layer in range(config.layers)]
        members = [f"members.{member}.head." for member in range(config.members)]
        self._head = _stacked([weights[f"{name}weight"].T for name in members])  # (M, N H, 1)
        self._head_bias = _stacked([weights[f"{name}bias"] for name in members])[:, :, None]  # (M, 1, 1)
        self._kinds = (
            KindClassifier(*(weights[name].astype(np.float32) for name in config.kind_tensors))
            if config.kinds
            else None
        )

    def kind_of(self, sentences: Sequence[str], vectors: Floats, features: Floats) -> int | None:
        """The index of the kind of an article, for :func:`network_input`; None if there are no kinds.

        :param sentences: T, at least 1.
        :param vectors: as the next one, see :func:`network_input`.
        """
        if self._kinds is None:
            return None
        return self._kinds.kind(kind_input(sentences, vectors, features, self.config))

    def score(self, article: Floats) -> Floats:
        """Scores of one article.

        :param article: shape (T, D + F + P + K), of :func:`network_input`; T at least 1.
        :returns: shape (T,), float32, in [0, 1].
        """
        states = self._normalized(article)[None]  # (1, T, D + F + P + K)
        for layer in self._layers:
            states = layer.run(states)  # (M, T, N H)
        outputs = (states @ self._head + self._head_bias)[:, :, 0]  # (M, T)
        if self.config.activation == "sigmoid":
            outputs = np.tanh(outputs * 0.5) * 0.5 + 0.5
        scores: Floats = outputs.mean(axis=0).clip(0, 1)
        return scores

    def _normalized(self, article: Floats) -> Floats:
        """Layer normalization. Its scale and shift, and batch normalization, are part of the first layer."""
        if self.config.normalize != "layer":
            return article
        normalized, dimension = np.array(article, np.float32, order="C"), self.config.dimension
        if compiled.kernels is not None:
            compiled.kernels.normalize_rows(article.shape[1], dimension, _EPSILON, normalized)
            return normalized
        vectors = normalized[:, :dimension]
        # On arrays of this size, np.mean takes several times as long.
        vectors -= (np.add.reduce(vectors, axis=1) / dimension)[:, None]
        variances = np.vecdot(vectors, vectors) / dimension
        vectors /= np.sqrt(variances + _EPSILON)[:, None]
        return normalized


def _layer(config: ModelConfig, weights: Mapping[str, NDArray[np.floating]], layer: int) -> RecurrentLayer:
    cells = []
    for member in range(config.members):
        for suffix in _suffixes(config, layer):
            prefix = f"members.{member}.recurrent."
            names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            cell = CellWeights(*(weights[f"{prefix}{name}_{suffix}"].astype(np.float64) for name in names))
            if layer == 0:
                inputs, bias = _with_normalization(config, weights, member, cell.inputs, cell.input_bias)
                cell = cell._replace(inputs=inputs, input_bias=bias)
            cells.append(cell)
    return recurrent_layer(config.cell, cells, config.members)


def _with_normalization(
    config: ModelConfig,
    weights: Mapping[str, NDArray[np.floating]],
    member: int,
    matrix: NDArray[np.float64],
    bias: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fold the scale and shift of a normalization into the weights that are applied to its result.

    :param matrix: shape (gates H, D + F + P + K).
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


def _stacked(arrays: Sequence[NDArray[np.floating]]) -> Floats:
    return np.ascontiguousarray(np.stack(arrays), dtype=np.float32)


def _directions(config: ModelConfig) -> int:
    return 2 if config.bidirectional else 1


def _suffixes(config: ModelConfig, layer: int) -> list[str]:
    """The endings of PyTorch's names for the tensors of a layer, one per direction."""
    return [f"l{layer}", f"l{layer}_reverse"][: _directions(config)]
