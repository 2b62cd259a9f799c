"""Tensors on disk, as NumPy arrays."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize

from summarizer.errors import CheckpointDamaged

# As safetensors writes them: little-endian. NumPy has no bfloat16; it is the upper half of a float32.
_BFLOAT16 = "BF16"
_KINDS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", _BFLOAT16: "<u2", "I64": "<i8", "I8": "<i1", "U8": "<u1"}


def read_tensors(file: Path) -> dict[str, NDArray[Any]]:
    """All tensors of a safetensors file by name, not to be written to; bfloat16 as float32.

    :raises CheckpointDamaged: it cannot be read, or holds numbers of a kind that is not known here.
    """
    try:
        content: list[tuple[str, Mapping[str, Any]]] = deserialize(file.read_bytes())  # type: ignore[no-untyped-call]
    except (SafetensorError, OSError) as error:
        raise CheckpointDamaged(f"{file} is no readable safetensors file: {error}") from error
    for name, tensor in content:
        if tensor["dtype"] not in _KINDS:
            raise CheckpointDamaged(
                f"{file}: {name} holds numbers of the kind {tensor['dtype']}; known are {', '.join(_KINDS)}"
            )
    return {name: _array(tensor) for name, tensor in content}


def _array(tensor: Mapping[str, Any]) -> NDArray[Any]:
    numbers = np.frombuffer(tensor["data"], _KINDS[tensor["dtype"]]).reshape(tensor["shape"])
    return (numbers.astype("<u4") << 16).view("<f4") if tensor["dtype"] == _BFLOAT16 else numbers
