"""A trained model as a folder of plain files.

::

    config.json          everything needed to rebuild the model, and the sha256 of the next three
    model.safetensors    weights of the network
    encoder/             the static encoder (absent for other encoders)
    rarity.json          in how many training articles each word occurs (absent if not read)
    metrics.json         measurements of the model
    README.md            the model card

No pickles. Loading is strict: unknown fields in the config, missing files, and any change to a file that
decides a score are errors.
"""

import dataclasses
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from summarizer.drafts import draft_of
from summarizer.encoder import TOKENIZER_FILE, WEIGHTS_FILE, Encoder, StaticEncoder, sha256_of
from summarizer.errors import CheckpointDamaged, CheckpointNotFound, CheckpointUnsupported
from summarizer.model import ModelConfig, SentenceScorer, weight_shapes
from summarizer.rarity import RARITY_FILE, Rarity
from summarizer.tensors import read_tensors

FORMAT = 1
CONFIG_FILE = "config.json"
METRICS_FILE = "metrics.json"
CARD_FILE = "README.md"
ENCODER_FOLDER = "encoder"

EncoderKind = Literal["static", "sentence-transformers"]


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """Which encoder the network was trained on.

    :ivar kind: ``static``: the one in the checkpoint's own ``encoder`` folder; ``sentence-transformers``:
        a model that is found by its name.
    :ivar name: shown to users; also the name by which ``sentence-transformers`` finds the model.
    :ivar digest: sha256 that the encoder must have.
    """

    kind: EncoderKind
    name: str
    digest: str

    def __post_init__(self) -> None:
        if self.kind not in get_args(EncoderKind):
            raise ValueError(f"kind must be one of {', '.join(get_args(EncoderKind))}; got {self.kind!r}")
        for name in ("name", "digest"):
            if not isinstance(getattr(self, name), str):
                raise ValueError(f"{name} must be a string; got {getattr(self, name)!r}")


@dataclass(frozen=True)
class CheckpointConfig:
    """The contents of ``config.json``, apart from the format number and the file digests.

    :ivar name: of the model, as every evaluation states it.
    :ivar version: of the model.
    :ivar model: architecture of the network.
    :ivar encoder: the encoder that the network needs.
    :ivar closeness: name of the function that computed the training targets.
    :ivar training: settings and data used in training, for the record.
    """

    name: str
    version: str
    model: ModelConfig
    encoder: EncoderConfig
    closeness: str
    training: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Checkpoint:
    """A loaded checkpoint, ready to score.

    :ivar config: as saved.
    :ivar scorer: the network.
    :ivar encoder: the encoder that the network was trained on.
    :ivar rarity: of words; None if the network does not read it.
    :ivar metrics: contents of ``metrics.json``.
    :ivar sha256: digest of ``config.json``. It identifies the model, because the config lists the digests of
        all other files that decide a score.
    """

    config: CheckpointConfig
    scorer: SentenceScorer
    encoder: Encoder
    rarity: Rarity | None
    metrics: Mapping[str, Any]
    sha256: str


def save(
    folder: Path,
    config: CheckpointConfig,
    weights: Mapping[str, NDArray[np.floating]],
    *,
    encoder_folder: Path | None = None,
    rarity: Rarity | None = None,
    metrics: Mapping[str, Any] | None = None,
    card: str = "",
) -> None:
    """Write a checkpoint. It appears whole or not at all.

    :param folder: replaced if it already is a checkpoint.
    :param weights: of the network, as :func:`summarizer.model.weight_shapes` lists them.
    :param encoder_folder: folder of a static encoder's two files; required for that kind.
    :param rarity: of words; required if the network reads it.
    :raises FileExistsError: the folder contains something else.
    :raises ValueError: ``encoder_folder`` or ``rarity`` is required and missing.
    """
    with draft_of(folder, marker=CONFIG_FILE) as draft:
        save_file(dict(weights), draft / WEIGHTS_FILE)
        if config.encoder.kind == "static":
            if encoder_folder is None:
                raise ValueError("a checkpoint with a static encoder needs encoder_folder")
            (draft / ENCODER_FOLDER).mkdir()
            for name in (WEIGHTS_FILE, TOKENIZER_FILE):
                shutil.copyfile(encoder_folder / name, draft / ENCODER_FOLDER / name)
        if config.model.reads_rarity:
            if rarity is None:
                raise ValueError("a checkpoint whose network reads the rarity of words needs rarity")
            (draft / RARITY_FILE).write_text(rarity.as_json(), encoding="utf-8")
        files = {name: sha256_of(draft / name) for name in _file_names(config)}
        _write_json(draft / CONFIG_FILE, {"format": FORMAT, **dataclasses.asdict(config), "files": files})
        _write_json(draft / METRICS_FILE, dict(metrics or {}))
        (draft / CARD_FILE).write_text(card, encoding="utf-8")


def load(folder: Path, *, encoder: str | None = None, device: str | None = None) -> Checkpoint:
    """Read a checkpoint.

    :param encoder: where to find the encoder, if not under the name in the config. Its digest must be that
        of the encoder that the network was trained on. Not for static encoders, which are in the folder.
    :param device: PyTorch's name of the device for a transformer encoder; by default a GPU if there is one.
    :raises CheckpointNotFound: the folder or one of its files is missing.
    :raises CheckpointDamaged: a file does not match the config, or the config itself is invalid.
    :raises CheckpointUnsupported: the format version or the encoder is another one.
    :raises EncoderUnavailable: the encoder is not installed here.
    """
    if not folder.is_dir():
        raise CheckpointNotFound(f"no checkpoint at {folder}: the folder does not exist; check its name")
    raw = _read_json(folder / CONFIG_FILE)
    config, files = _parse_config(folder / CONFIG_FILE, raw)
    for name in _file_names(config):
        _check_file(folder / name, files.get(name))
    scorer = _load_scorer(folder / WEIGHTS_FILE, config.model)
    rarity = Rarity.load(folder / RARITY_FILE) if config.model.reads_rarity else None
    metrics = _read_json(folder / METRICS_FILE)
    loaded_encoder = _load_encoder(folder, config, encoder, device)
    return Checkpoint(config, scorer, loaded_encoder, rarity, metrics, sha256_of(folder / CONFIG_FILE))


def _file_names(config: CheckpointConfig) -> list[str]:
    """The files that decide a score."""
    names = [WEIGHTS_FILE]
    if config.model.reads_rarity:
        names.append(RARITY_FILE)
    if config.encoder.kind == "static":
        names += [f"{ENCODER_FOLDER}/{WEIGHTS_FILE}", f"{ENCODER_FOLDER}/{TOKENIZER_FILE}"]
    return names


def _parse_config(file: Path, raw: dict[str, Any]) -> tuple[CheckpointConfig, dict[str, Any]]:
    if raw.get("format") != FORMAT:
        raise CheckpointUnsupported(
            f"{file}: expected format {FORMAT}, found {raw.get('format')!r};"
            " load it with the version of this package that wrote it, or train the model again"
        )
    fields = {name: value for name, value in raw.items() if name not in ("format", "files")}
    try:
        # A config without rarity and typography is older than these two.
        model = {"rarity": False, "typography": False, **_mapping(fields, "model")}
        config = CheckpointConfig(
            **{
                **fields,
                "model": ModelConfig(**model),
                "encoder": EncoderConfig(**_mapping(fields, "encoder")),
                "training": _mapping({"training": {}, **fields}, "training"),
            }
        )
        for name in ("name", "version", "closeness"):
            if not isinstance(getattr(config, name), str):
                raise ValueError(f"{name} must be a string; got {getattr(config, name)!r}")
        return config, _mapping(raw, "files")
    except (TypeError, ValueError) as error:  # a missing, unknown or invalid field; the message names it
        raise CheckpointDamaged(f"{file} does not describe a model: {error}") from error


def _mapping(raw: Mapping[str, Any], name: str) -> dict[str, Any]:
    if not isinstance(raw.get(name), dict):
        raise ValueError(f"{name} must be an object; got {raw.get(name)!r}")
    return dict(raw[name])


def _check_file(file: Path, expected: object) -> None:
    if not file.is_file():
        raise CheckpointNotFound(
            f"{file} is missing; restore the checkpoint from its source or train the model again"
        )
    digest = sha256_of(file)
    if digest != expected:
        raise CheckpointDamaged(
            f"{file} is not the file that was saved: expected sha256 {expected}, found {digest}"
            f" ({file.stat().st_size} bytes); restore the checkpoint from its source or train the model again"
        )


def _load_scorer(file: Path, config: ModelConfig) -> SentenceScorer:
    tensors = read_tensors(file)
    expected = weight_shapes(config)
    actual = {name: tensor.shape for name, tensor in tensors.items()}
    for name in sorted(expected.keys() | actual.keys()):
        if expected.get(name) != actual.get(name):
            raise CheckpointDamaged(
                f"{file} does not match the architecture in {CONFIG_FILE}: tensor {name}:"
                f" expected {expected.get(name, 'none')}, found {actual.get(name, 'none')}"
            )
    return SentenceScorer(config, tensors)


def _load_encoder(
    folder: Path, config: CheckpointConfig, elsewhere: str | None, device: str | None
) -> Encoder:
    loaded: Encoder
    if config.encoder.kind == "static":
        if elsewhere is not None:
            raise CheckpointUnsupported(f"{folder} contains its own encoder; leave out {elsewhere!r}")
        loaded = StaticEncoder.load(folder / ENCODER_FOLDER, config.encoder.name)
    else:
        from summarizer.sentence_transformer import SentenceTransformerEncoder  # others do without it

        loaded = SentenceTransformerEncoder(elsewhere or config.encoder.name, device)
    if loaded.digest != config.encoder.digest:
        raise CheckpointUnsupported(
            f"{folder} was trained on the encoder {config.encoder.name} with digest {config.encoder.digest};"
            f" found {loaded.name} with digest {loaded.digest}; name the encoder that it was trained on"
        )
    if loaded.dimension != config.model.dimension:
        raise CheckpointDamaged(
            f"{folder}: the network expects vectors of width {config.model.dimension},"
            f" but those of the encoder {loaded.name} have width {loaded.dimension}"
        )
    return loaded


def _write_json(file: Path, content: Mapping[str, Any]) -> None:
    file.write_text(
        json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
    )


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointNotFound(f"{file} is missing; is this the folder of a checkpoint?") from None
    except (ValueError, OSError) as error:
        raise CheckpointDamaged(f"{file} is not readable JSON: {error}") from error
    if not isinstance(content, dict):
        raise CheckpointDamaged(f"{file} should contain a JSON object; found {type(content).__name__}")
    return content
