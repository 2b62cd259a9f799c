"""Recurrent layers at inference: all members and directions of a layer, for one article.

Axes, as in :mod:`summarizer.model`: T sentences (timesteps), H width of the recurrent state; M members, N
directions. The cells of a layer are the directions of its members: M N of them, a member's side by side.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from summarizer import compiled

CellKind = Literal["lstm", "gru", "rnn"]
Floats: TypeAlias = NDArray[np.float32]

# For each kind: its gates in the order of this module, by their index in PyTorch's order, and a factor for
# the pre-activation of each. Half of it turns a sigmoid into a tanh: sigmoid(x) = tanh(x / 2) / 2 + 1 / 2.
_GATE_LAYOUT: Mapping[CellKind, tuple[Sequence[int], Sequence[float]]] = {
    "lstm": ([0, 1, 3, 2], [0.5, 0.5, 0.5, 1]),  # input, forget, output, cell candidate
    "gru": ([0, 1, 2], [0.5, 0.5, 1]),  # reset, update, candidate
    "rnn": ([0], [1]),
}
GATES: Mapping[CellKind, int] = {kind: len(order) for kind, (order, _) in _GATE_LAYOUT.items()}


class RecurrentLayer(Protocol):
    """A recurrent layer of all members. Thread-safe: running changes no state."""

    def run(self, inputs: Floats) -> Floats:
        """The states at all timesteps.

        :param inputs: shape (M or 1, T, width of the inputs); with 1, all members read the same.
        :returns: shape (M, T, N H).
        """


class CellWeights(NamedTuple):
    """The tensors of one cell, float64, with the rows of its gates in PyTorch's order."""

    inputs: NDArray[np.float64]  # (gates H, width of the inputs)
    states: NDArray[np.float64]  # (gates H, H)
    input_bias: NDArray[np.float64]  # (gates H,)
    state_bias: NDArray[np.float64]  # (gates H,)


def recurrent_layer(kind: CellKind, cells: Sequence[CellWeights], members: int) -> RecurrentLayer:
    """The layer with these M N cells: compiled if it can be."""
    gates = [_Gates.of(kind, cell) for cell in cells]
    if kind == "lstm" and compiled.kernels is not None:
        return _CompiledLSTM(compiled.kernels, gates, members)
    return _NumPyLayer(kind, gates, members)


class _Gates(NamedTuple):
    """The weights of a cell by gate, in this module's order, to be multiplied by row vectors from the
    left.
    """

    inputs: Floats  # (gates, width of the inputs, H)
    states: Floats  # (gates, H, H)
    bias: Floats  # (gates, H)
    candidate_bias: Floats  # (H,): what a GRU adds to its candidate before the reset gate; else 0

    @classmethod
    def of(cls, kind: CellKind, cell: CellWeights) -> "_Gates":
        order, factors = _GATE_LAYOUT[kind]
        width = cell.states.shape[1]

        def by_gate(rows: NDArray[np.float64]) -> Floats:
            gates = rows.reshape(len(order), width, -1)[order].transpose(0, 2, 1)
            return np.ascontiguousarray(gates * np.array(factors)[:, None, None], dtype=np.float32)

        candidate_bias = np.zeros(width)
        bias = cell.input_bias + cell.state_bias
        if kind == "gru":
            candidate_bias = cell.state_bias[-width:]
            bias[-width:] = cell.input_bias[-width:]
        return cls(
            by_gate(cell.inputs),
            by_gate(cell.states),
            by_gate(bias)[:, 0],
            candidate_bias.astype(np.float32),
        )


class _CompiledLSTM:
    """What :class:`_NumPyLayer` does with :func:`_lstm`, by a kernel, for which the weights are laid out."""

    def __init__(self, kernels: compiled.Kernels, cells: Sequence[_Gates], members: int) -> None:
        self._kernels = kernels
        self._members, self._directions = members, len(cells) // members
        _, self._input_width, self._width = cells[0].inputs.shape
        self._input_weights = _in_blocks(np.stack([cell.inputs for cell in cells]))
        self._state_weights = _in_blocks(np.stack([cell.states for cell in cells]))
        self._biases = _in_blocks(np.stack([cell.bias[:, None] for cell in cells]))

    def run(self, inputs: Floats) -> Floats:
        """See :meth:`RecurrentLayer.run`."""
        states = np.empty((self._members, inputs.shape[1], self._directions * self._width), np.float32)
        sizes = self._members, self._directions, self._input_width, self._width
        weights = self._input_weights, self._biases, self._state_weights
        inputs = np.ascontiguousarray(inputs, np.float32)
        self._kernels.lstm(compiled.WIDEST, *sizes, inputs, *weights, states)
        return states


class _NumPyLayer:
    """A layer in NumPy, for any kind of cell.

    The recurrences of all cells run side by side, so that the interpreter's overhead is paid once per
    timestep, not once per recurrence. Weights are ordered by gate first, so that the results of a gate for
    all cells are contiguous in memory: NumPy is slower on arrays with gaps.
    """

    def __init__(self, kind: CellKind, cells: Sequence[_Gates], members: int) -> None:
        self._recurrence = _RECURRENCES[kind]
        gates, _, width = cells[0].inputs.shape
        self._shape = gates, members, len(cells) // members, width
        self._input_weights = self._side_by_side([cell.inputs for cell in cells])  # (M, inputs, gates N H)
        self._bias = self._side_by_side([cell.bias[:, None] for cell in cells])  # (M, 1, gates N H)
        self._weights = _StateWeights(
            np.stack([cell.states for cell in cells], axis=1),
            np.stack([cell.candidate_bias[None] for cell in cells]),
        )

    def run(self, inputs: Floats) -> Floats:
        """See :meth:`RecurrentLayer.run`."""
        gates, members, directions, width = self._shape
        steps = inputs.shape[1]
        projections = inputs @ self._input_weights  # (M, T, gates N H)
        projections += self._bias
        projections = projections.reshape(members, steps, gates, directions, width).transpose(1, 2, 0, 3, 4)
        projections = np.ascontiguousarray(projections)  # (T, gates, M, N, H)
        if directions == 2:  # the second direction reads the article from its end
            projections[:, :, :, 1] = projections[::-1, :, :, 1].copy()
        flat = projections.reshape(steps, gates, members * directions, 1, width)
        states = self._recurrence(flat, self._weights)  # (T, M N, 1, H)
        states = states.reshape(steps, members, directions, width)
        if directions == 2:
            states[:, :, 1] = states[::-1, :, 1].copy()
        outputs: Floats = states.transpose(1, 0, 2, 3).reshape(members, steps, -1)
        return outputs

    def _side_by_side(self, matrices: Sequence[Floats]) -> Floats:
        """Join the matrices of all gates and directions of each member into one.

        :param matrices: M N of shape (gates, R, H).
        :returns: shape (M, R, gates N H).
        """
        gates, members, directions, width = self._shape
        joined = np.stack(matrices).reshape(members, directions, gates, -1, width)
        joined = joined.transpose(0, 3, 2, 1, 4)
        return np.ascontiguousarray(joined.reshape(members, joined.shape[1], -1))


class _StateWeights(NamedTuple):
    matrices: Floats  # (gates, M N, H, H)
    candidate_bias: Floats  # (M N, 1, H)


def _lstm(projections: Floats, weights: _StateWeights) -> Floats:
    """Hochreiter and Schmidhuber's cell with forget gates, as PyTorch's ``nn.LSTM`` computes it.

    :param projections: shape (T, 4, M N, 1, H), what the inputs contribute to each gate.
    :returns: shape (T, M N, 1, H), the states.
    """
    states = np.empty((len(projections), *projections.shape[2:]), np.float32)
    shape = projections.shape[2:]
    # Input, forget and output gate, cell candidate, and the cell: in this order one call multiplies both the
    # input gate by the candidate and the forget gate by the cell.
    memory = np.zeros((5, *shape), np.float32)
    gates, sigmoids, cell = memory[:4], memory[:3], memory[4]
    output_gate, products = memory[2], np.empty((2, *shape), np.float32)
    state, cell_tanh = np.zeros((2, *shape), np.float32)
    for projection, next_state in zip(projections, states, strict=True):
        np.matmul(state, weights.matrices, out=gates)
        gates += projection
        np.tanh(gates, out=gates)
        sigmoids *= 0.5
        sigmoids += 0.5
        np.multiply(memory[:2], memory[3:], out=products)
        np.add(products[0], products[1], out=cell)
        np.tanh(cell, out=cell_tanh)
        state = np.multiply(output_gate, cell_tanh, out=next_state)
    return states


def _gru(projections: Floats, weights: _StateWeights) -> Floats:
    """As PyTorch's ``nn.GRU`` computes it; shapes as in :func:`_lstm`, with 3 gates."""
    states = np.empty((len(projections), *projections.shape[2:]), np.float32)
    state = np.zeros(projections.shape[2:], np.float32)
    for projection, next_state in zip(projections, states, strict=True):
        recurrent = state @ weights.matrices
        reset, update = np.tanh(recurrent[:2] + projection[:2]) * 0.5 + 0.5
        candidate = np.tanh(projection[2] + reset * (recurrent[2] + weights.candidate_bias))
        state = np.add(candidate, update * (state - candidate), out=next_state)
    return states


def _rnn(projections: Floats, weights: _StateWeights) -> Floats:
    """Elman's network with tanh; shapes as in :func:`_lstm`, with one gate."""
    states = np.empty((len(projections), *projections.shape[2:]), np.float32)
    state = np.zeros(projections.shape[2:], np.float32)
    for projection, next_state in zip(projections, states, strict=True):
        state = np.tanh((state @ weights.matrices)[0] + projection[0], out=next_state)
    return states


_RECURRENCES: Mapping[CellKind, Callable[[Floats, _StateWeights], Floats]] = {
    "lstm": _lstm,
    "gru": _gru,
    "rnn": _rnn,
}


def _in_blocks(matrices: Floats) -> Floats:
    """The columns of each matrix in blocks, one after the other; zeros fill up the last one.

    :param matrices: shape (cells, gates, R, H).
    :returns: shape (cells, gates, H / BLOCK rounded up, R, BLOCK).
    """
    missing = -matrices.shape[-1] % compiled.BLOCK
    filled = np.pad(matrices, ((0, 0), (0, 0), (0, 0), (0, missing)))
    blocks = filled.reshape(*matrices.shape[:3], -1, compiled.BLOCK).transpose(0, 1, 3, 2, 4)
    return compiled.aligned(blocks)
