"""Any SentenceTransformer as the encoder, in batches under a token budget.

On a CPU, most models run without padding, and in bytes if the processor multiplies these faster. Both are
tried on a few sentences when a model is loaded, and kept only if the vectors are those of the package.

Needs the extra ``transformers``; the default checkpoint does not. Importing this module is cheap: PyTorch and
sentence-transformers (5 to 8 s) are imported when an encoder is created.
"""

import hashlib
import importlib.util
import json
import logging
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from summarizer import unpadded
from summarizer.batching import batches_under_budget
from summarizer.byte_layers import multiplies_bytes_fast, use_bytes, use_floats
from summarizer.encoder import Encoded
from summarizer.errors import EncoderUnavailable

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

_log = logging.getLogger(__name__)

# Tokens in one forward pass, with padding if there is any: less of it than with the package's batches of 32
# sentences, and activations that stay in the cache. From CPU_TOKENS_ENOUGH tokens on, a core multiplies as
# fast as it can; a GPU gains from any larger batch (benchmarks/encoders.py).
CPU_TOKEN_BUDGET, CPU_TOKENS_ENOUGH = 1024, 192
GPU_TOKEN_BUDGET, GPU_TOKENS_ENOUGH = 32_768, math.inf

# The sentences that show whether a faster way has the same vectors; the first two have as many tokens as each
# other, and are to be told apart.
SAMPLE = (
    "Then the dog saw the cat.",
    "Then the cat saw the dog.",
    "Why?",
    "It rained.",
    "The council cut the budget by a third.",
    "A storm is expected on the coast tonight, and the ferries will stay in port until the wind has dropped,"
    " the harbour master, who has seen worse, said on Tuesday.",
    "Nobody was hurt.",
)

# How near to the package's own vectors a faster way has to be. Where only the order of additions differs, the
# least cosine counts; where numbers are rounded to bytes, the mean (all-MiniLM-L6-v2 has 0.997,
# benchmarks/encoders.py).
SAME_COSINE, BYTES_COSINE = 0.99999, 0.99

MISSING = (
    "this encoder needs sentence-transformers; run pip install '.[transformers]' in the project's folder"
)

# A sentence as its tokenizer returns it: lists of numbers by name (input_ids, ...).
Tokens = dict[str, list[int]]

# From the tokens of a batch to its vectors, shape (T, D).
Forward = Callable[[list[Tokens]], NDArray[np.float32]]


class SentenceTransformerEncoder:
    """Encodes with a SentenceTransformer.

    :param name: a folder, an installed package that contains a model folder, or a name on the model hub
        (``owner/model``; only then is anything downloaded).
    :param device: PyTorch's name of it; by default a GPU if there is one.
    :param in_bytes: whether linear layers may round numbers to bytes, on a CPU where that is faster.
    :raises EncoderUnavailable: sentence-transformers is not installed, or the model cannot be loaded.
    """

    def __init__(self, name: str, device: str | None = None, *, in_bytes: bool = True) -> None:
        self.name = name
        self._model = load_model(name, device or default_device())
        self._model.eval()
        on_cpu = self._model.device.type == "cpu"
        self._budget = CPU_TOKEN_BUDGET if on_cpu else GPU_TOKEN_BUDGET
        self._enough = CPU_TOKENS_ENOUGH if on_cpu else GPU_TOKENS_ENOUGH
        self.dimension = int(self._model.get_embedding_dimension() or 0)
        self.digest = _digest(self._model)
        self._takes_tokens = _takes_tokens(self._model)
        self._forward: Forward = self._padded
        if on_cpu:
            self._find_faster_ways(in_bytes)

    def encode(self, sentences: Sequence[str]) -> Encoded:
        """See :meth:`summarizer.encoder.Encoder.encode`."""
        if not sentences:
            return Encoded(np.zeros((0, self.dimension), np.float32), np.zeros(0, np.bool_))
        return self._encode_tokens(sentences) if self._takes_tokens else self._encode_text(sentences)

    def _encode_tokens(self, sentences: Sequence[str]) -> Encoded:
        """Tokenize once, then run the model's own modules on each batch."""
        tokens, truncated = self._tokens(sentences)
        vectors = np.empty((len(sentences), self.dimension), dtype=np.float32)
        lengths, threads = [len(row["input_ids"]) for row in tokens], self._threads
        share = max(sum(lengths) / threads, self._enough) if threads > 1 else math.inf
        batches = list(self._batches(lengths, share))
        found = self._forward_all([[tokens[index] for index in batch] for batch in batches], threads)
        for batch, rows in zip(batches, found, strict=True):
            vectors[batch] = rows
        return Encoded(vectors, truncated)

    def _tokens(self, sentences: Sequence[str]) -> tuple[list[Tokens], NDArray[np.bool_]]:
        """What the model reads of each sentence, without padding, and whether that is only its beginning."""
        tokenizer, limit = self._model.tokenizer, self._model.max_seq_length or math.inf
        columns = tokenizer(list(sentences), truncation=False, verbose=False)
        tokens: list[Tokens] = [
            dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
        ]
        truncated = np.array([len(row["input_ids"]) > limit for row in tokens])
        for index in truncated.nonzero()[0].tolist():
            tokens[index] = dict(tokenizer(sentences[index], truncation=True))
        return tokens, truncated

    def _forward_all(self, batches: Sequence[list[Tokens]], count: int) -> Iterator[NDArray[np.float32]]:
        """Several batches at once on a CPU, each on one core; together they waste none.

        :param count: PyTorch's number of threads.
        """
        import torch

        threads = min(len(batches), count)
        if threads < 2:
            yield from map(self._forward, batches)
            return
        begun = Barrier(threads + 1)

        def begin() -> None:
            torch.get_num_threads()  # a thread's own number is the common one until it is asked for
            torch.set_num_threads(1)
            begun.wait()

        with ThreadPoolExecutor(threads, initializer=begin) as pool:
            try:
                found = pool.map(self._forward, batches)
                begun.wait()
            except BaseException:  # there is no room for another thread: those that wait have to be released
                begun.abort()
                raise
            finally:
                torch.set_num_threads(count)  # threads that are yet to come begin with what was set last
            yield from found

    def _padded(self, tokens: list[Tokens]) -> NDArray[np.float32]:
        return self._run(self._model.tokenizer.pad(tokens, return_tensors="pt").to(self._model.device))

    def _unpadded(self, padding: int | None, tokens: list[Tokens]) -> NDArray[np.float32]:
        return self._run(unpadded.in_a_row(tokens, padding))

    def _run(self, features: Any) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            vectors = self._model(dict(features))["sentence_embedding"][:, : self.dimension]
            return np.asarray(vectors.float().cpu().numpy())

    def _find_faster_ways(self, in_bytes: bool) -> None:
        """Leave padding away, and then multiply bytes, where the vectors stay the same, or nearly."""
        without_padding = multiplies_bytes = False
        if self._takes_tokens:
            special = " ".join(["The", *self._model.tokenizer.all_special_tokens, "sea rose."])
            sample = [*SAMPLE, special]
            expected = self._model.encode(sample, show_progress_bar=False)
            without_padding = self._leaves_padding_away(sample, expected)
            multiplies_bytes = without_padding and in_bytes and self._multiplies_bytes(expected)
        if not multiplies_bytes:
            _pack_linear_layers(self._model)
        padding, numbers = "out" * without_padding, "bytes" if multiplies_bytes else "floats"
        _log.info("the encoder %s runs with%s padding, in %s", self.name, padding, numbers)

    def _leaves_padding_away(self, sample: Sequence[str], expected: NDArray[np.floating]) -> bool:
        transformer: Any = self._model[0].model
        usual = transformer.config._attn_implementation
        forward = partial(self._unpadded, unpadded.padding_of_positions(transformer))
        try:
            unpadded.use_own_attention(transformer)
            if self._cosines(forward, sample, expected).min() >= SAME_COSINE:
                self._forward = forward
                return True
        except Exception as error:  # noqa: BLE001  # a model may consist of anybody's modules
            _log.info("the encoder %s needs padding: %r", self.name, error)
        transformer.set_attn_implementation(usual)
        return False

    def _multiplies_bytes(self, expected: NDArray[np.floating]) -> bool:
        if not multiplies_bytes_fast():
            return False
        use_bytes(self._model)
        if self._cosines(self._forward, SAMPLE, expected[: len(SAMPLE)]).mean() >= BYTES_COSINE:
            return True
        use_floats(self._model)
        return False

    def _cosines(
        self, forward: Forward, sentences: Sequence[str], expected: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """Shape (T,), to the expected vectors; all sentences in one batch."""
        found = forward(self._tokens(sentences)[0]).astype(np.float64)
        expected = expected.astype(np.float64)
        lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
        with np.errstate(invalid="ignore"):  # a model that gives zeros is not compared, and stays as it is
            return np.asarray((found * expected).sum(axis=1) / lengths)

    def _encode_text(self, sentences: Sequence[str]) -> Encoded:
        """Works for any SentenceTransformer: the package's own method, on batches of similar length."""
        lengths = self._token_counts(sentences)
        limit = self._model.max_seq_length or math.inf
        vectors = np.empty((len(sentences), self.dimension), dtype=np.float32)
        for batch in self._batches(np.minimum(lengths, limit).tolist()):
            vectors[batch] = self._model.encode(
                [sentences[index] for index in batch], batch_size=len(batch), show_progress_bar=False
            )
        return Encoded(vectors, lengths > limit)

    def _batches(self, lengths: Sequence[float], most: float = math.inf) -> Iterator[list[int]]:
        return batches_under_budget(lengths, min(self._budget, most), enough=self._enough)

    @property
    def _threads(self) -> int:
        import torch

        return torch.get_num_threads() if self._model.device.type == "cpu" else 1

    def _token_counts(self, sentences: Sequence[str]) -> NDArray[np.int64]:
        """Shape (T,): the number of tokens of each untruncated sentence, with prompt and special tokens."""
        tokenizer, prompt = self._model.tokenizer, _prompt(self._model)
        texts = [prompt + sentence for sentence in sentences]
        if hasattr(tokenizer, "encode_batch"):  # a bare tokenizers.Tokenizer, as static models have
            return np.array([len(encoding.ids) for encoding in tokenizer.encode_batch(texts)])
        columns = tokenizer(texts, truncation=False, verbose=False, return_attention_mask=False)
        return np.array([len(ids) for ids in columns["input_ids"]])


def default_device() -> str:
    """``cuda`` if PyTorch finds a GPU, else ``cpu``.

    :raises EncoderUnavailable: PyTorch is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise EncoderUnavailable(MISSING) from error
    return "cuda" if torch.cuda.is_available() else "cpu"


def model_folder_of_package(package: str) -> Path | None:
    """The folder of a SentenceTransformer inside an installed package, found without importing it.

    :returns: the first folder, by depth and name, that contains a ``modules.json``; None if there is none.
    """
    if not package.isidentifier():
        return None
    spec = importlib.util.find_spec(package)
    for root in (spec.submodule_search_locations or []) if spec else []:
        files = sorted(Path(root).rglob("modules.json"), key=lambda file: (len(file.parts), str(file)))
        if files:
            return files[0].parent
    return None


def load_model(name: str, device: str) -> "SentenceTransformer":
    """Load the SentenceTransformer of that name; see :class:`SentenceTransformerEncoder`."""
    try:
        from sentence_transformers import SentenceTransformer  # slow to import
        from transformers.utils import logging
    except ImportError as error:
        raise EncoderUnavailable(MISSING) from error
    folder = Path(name) if Path(name).is_dir() else model_folder_of_package(name)
    if folder is None and "/" not in name:
        raise EncoderUnavailable(
            f"no encoder {name!r}: it is neither a folder, nor an installed package with a model folder in"
            " it, nor a hub name (owner/model); check the name, or install the package"
        )
    # The load report looks like an error, and a progress bar for 0.1 s is noise.
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        return SentenceTransformer(str(folder or name), device=device, local_files_only=folder is not None)
    except (OSError, ValueError) as error:
        raise EncoderUnavailable(f"the encoder {name!r} cannot be loaded: {error}") from error


def _digest(model: "SentenceTransformer") -> str:
    """sha256 over what determines the vectors: the weights, the length limit, and those of the other settings
    that are not the usual ones, so that usual models keep the digest that checkpoints name. Not over the
    model's name.
    """
    import torch
    from sentence_transformers.sentence_transformer.modules import Pooling

    digest = hashlib.sha256(str(model.max_seq_length).encode())
    for key, tensor in sorted(model.state_dict().items()):
        digest.update(key.encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    settings = {
        "pooling": [module.pooling_mode for module in model if isinstance(module, Pooling)],
        "prompt": _prompt(model),
        "truncate_dim": model.truncate_dim,
    }
    unusual = {name: value for name, value in settings.items() if value not in ("", None, [], ["mean"])}
    if unusual:
        digest.update(json.dumps(unusual, sort_keys=True).encode())
    return digest.hexdigest()


def _takes_tokens(model: "SentenceTransformer") -> bool:
    """Whether the model's first module does nothing with a sentence but tokenize it.

    It does more with a prompt, a chat template, a processor's own settings or unpadded input; these are left
    to the package.
    """
    from sentence_transformers.sentence_transformer.modules import Transformer
    from transformers import PreTrainedTokenizerBase

    first: Any = model[0]
    return (
        type(first) is Transformer
        and isinstance(first.processor, PreTrainedTokenizerBase)
        and first.processor.pad_token_id is not None
        and first.transformer_task == "feature-extraction"
        and "text" in first.modality_config
        and "message" not in first.modality_config
        and not first.processing_kwargs
        and not first.can_flatten_inputs
        and not _prompt(model)
    )


def _prompt(model: "SentenceTransformer") -> str:
    """What the package puts before every sentence by default."""
    return model.prompts.get(model.default_prompt_name or "") or ""


def _pack_linear_layers(model: "SentenceTransformer") -> None:
    """Let oneDNN multiply by its own copy of each weight matrix, laid out for this processor, and apply GELU.

    PyTorch's default, MKL, uses only half the width of the vector units of some processors. The parameters
    stay as they are; the copies take the same memory again. For inference only. PyTorch's own compiler
    inserts the same operators; in a build without them the layers stay unchanged.
    """
    import torch
    from transformers.activations import GELUActivation

    if not all(hasattr(torch.ops.mkldnn, name) for name in ("_reorder_linear_weight", "_linear_pointwise")):
        return
    for block in list(model.modules()):
        for name, layer in block.named_children():
            if type(layer) is torch.nn.Linear and layer.weight.dtype == torch.float32:
                # In models built like BERT, this is the first layer of a feed-forward block: oneDNN applies
                # the activation while the products are still in registers.
                activation = getattr(block, "intermediate_act_fn", None)
                with_gelu = name == "dense" and type(activation) is GELUActivation
                packed = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach(), None)
                layer.forward = partial(  # type: ignore[method-assign]
                    _packed_linear, packed, layer.bias, "gelu" if with_gelu else "none"
                )
                if with_gelu:
                    block.intermediate_act_fn = torch.nn.Identity()


def _packed_linear(
    weight: "torch.Tensor", bias: "torch.Tensor | None", activation: str, inputs: "torch.Tensor"
) -> Any:
    import torch

    return torch.ops.mkldnn._linear_pointwise(inputs, weight, bias, activation, [], "none")
