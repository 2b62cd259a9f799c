"""Tensors on disk, as NumPy arrays."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize

from summarizer.errors import CheckpointDamaged

# Little-endian, as safetensors writes them. NumPy lacks bfloat16, which is the upper half of a float32.
_BFLOAT16 = "BF16"
_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", _BFLOAT16: "<u2", "I64": "<i8", "I8": "<i1", "U8": "<u1"}


def read_tensors(file: Path) -> dict[str, NDArray[Any]]:
    """All tensors of a safetensors file by name, not to be modified; bfloat16 as float32.

    :raises CheckpointDamaged: the file cannot be read, or a tensor has an unsupported data type.
    """
    try:
        content: list[tuple[str, Mapping[str, Any]]] = deserialize(file.read_bytes())  # type: ignore[no-untyped-call]
    except (SafetensorError, OSError) as error:
        raise CheckpointDamaged(f"{file} is not a readable safetensors file: {error}") from error
    for name, tensor in content:
        if tensor["dtype"] not in _DTYPES:
            raise CheckpointDamaged(
                f"{file}: tensor {name} has the data type {tensor['dtype']};"
                f" supported are {', '.join(_DTYPES)}"
            )
    return {name: _array(tensor) for name, tensor in content}


def _array(tensor: Mapping[str, Any]) -> NDArray[Any]:
    numbers = np.frombuffer(tensor["data"], _DTYPES[tensor["dtype"]]).reshape(tensor["shape"])
    return (numbers.astype("<u4") << 16).view("<f4") if tensor["dtype"] == _BFLOAT16 else numbers
