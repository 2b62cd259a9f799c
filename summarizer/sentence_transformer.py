"""Any SentenceTransformer as the encoder, with batches under a token budget.

Needs the extra ``transformers``; the default checkpoint does without. Importing this module is cheap:
the heavy package (5 to 8 s) is imported when an encoder is made.
"""

import hashlib
import importlib.util
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from summarizer.batching import batches_under_budget
from summarizer.encoder import Encoded
from summarizer.errors import EncoderUnavailable

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# Padded tokens in one forward pass. Less padding than the package's 32 sentences a batch, and activations
# that stay in the cache: 1.4 times the sentences a second on one core (benchmarks/encoders.py).
CPU_TOKEN_BUDGET = 512
GPU_TOKEN_BUDGET = 32_768


class SentenceTransformerEncoder:
    """Vectors of a SentenceTransformer.

    :param name: a folder, an installed package that carries a model folder, or a name on the model hub
        (``owner/model``: the only case in which the network is used).
    :param device: as PyTorch names it; the GPU where there is one by default.
    :raises EncoderUnavailable: sentence-transformers is not installed, or there is no such model.
    """

    def __init__(self, name: str, device: str | None = None) -> None:
        self.name = name
        import torch

        self._device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self._model = load_model(name, self._device)
        self._budget = CPU_TOKEN_BUDGET if self._device == "cpu" else GPU_TOKEN_BUDGET
        self.dimension = int(self._model.get_embedding_dimension() or 0)
        self.digest = _digest(self._model)

    def encode(self, sentences: Sequence[str]) -> Encoded:
        """See :meth:`summarizer.encoder.Encoder.encode`; equal to within 1e-5 in any company."""
        lengths = self._token_counts(sentences)
        limit = self._model.max_seq_length or math.inf
        truncated = lengths > limit
        vectors = np.zeros((len(sentences), self.dimension), dtype=np.float32)
        for batch in batches_under_budget(np.minimum(lengths, limit).tolist(), self._budget):
            vectors[batch] = self._model.encode(
                [sentences[index] for index in batch], batch_size=len(batch), show_progress_bar=False
            )
        return Encoded(vectors, truncated)

    def _token_counts(self, sentences: Sequence[str]) -> NDArray[np.int64]:
        """Shape (T,): tokens of each whole sentence, with the special ones."""
        if not sentences:
            return np.zeros(0, dtype=np.int64)
        tokenizer = self._model.tokenizer
        if hasattr(tokenizer, "encode_batch"):  # a bare tokenizers.Tokenizer, as static models have
            return np.array([len(found.ids) for found in tokenizer.encode_batch(list(sentences))])
        found = tokenizer(list(sentences), truncation=False, verbose=False, return_attention_mask=False)
        return np.array([len(ids) for ids in found["input_ids"]])


def model_folder_of_package(package: str) -> Path | None:
    """The folder of a SentenceTransformer inside an installed package, found without importing it.

    :returns: the first folder, by depth and name, that holds a ``modules.json``; None if there is none.
    """
    if not package.isidentifier():
        return None
    spec = importlib.util.find_spec(package)
    for root in (spec.submodule_search_locations or []) if spec else []:
        found = sorted(Path(root).rglob("modules.json"), key=lambda file: (len(file.parts), str(file)))
        if found:
            return found[0].parent
    return None


def load_model(name: str, device: str) -> "SentenceTransformer":
    """The SentenceTransformer of that name; see :class:`SentenceTransformerEncoder`."""
    try:
        from sentence_transformers import SentenceTransformer  # heavy: only when one is asked for
        from transformers.utils import logging
    except ImportError as error:
        raise EncoderUnavailable(
            f"the encoder {name!r} needs sentence-transformers: pip install 'quote-summarizer[transformers]'"
        ) from error
    folder = Path(name) if Path(name).is_dir() else model_folder_of_package(name)
    if folder is None and "/" not in name:
        raise EncoderUnavailable(
            f"no encoder {name!r}: it is neither a folder, nor an installed package with a model folder in"
            " it, nor a hub name (owner/model)"
        )
    # Its load report looks like an error, and a progress bar of 0.1 s is noise.
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        return SentenceTransformer(str(folder or name), device=device, local_files_only=folder is not None)
    except (OSError, ValueError) as error:
        raise EncoderUnavailable(f"the encoder {name!r} cannot be loaded: {error}") from error


def _digest(model: "SentenceTransformer") -> str:
    """sha256 over the weights and the length limit: what decides the vectors, wherever it was loaded from."""
    import torch

    digest = hashlib.sha256(str(model.max_seq_length).encode())
    for key, tensor in sorted(model.state_dict().items()):
        digest.update(key.encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
