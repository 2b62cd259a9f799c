"""The stages of training, each reading and writing named files.

::

    python -m training distill --out ENCODER
    python -m training prepare CORPUS... --encoder ENCODER --out PREPARED
    python -m training fit PREPARED --encoder ENCODER --out CHECKPOINT
"""

import argparse
import dataclasses
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from summarizer import checkpoint
from summarizer.drafts import check_replaceable
from summarizer.encoder import Encoder, StaticEncoder
from summarizer.errors import SummarizerError
from summarizer.model import ModelConfig
from summarizer.sentence_transformer import SentenceTransformerEncoder
from training.card import card
from training.closeness import CLOSENESS
from training.corpus import CorpusError, read_corpus, split_of
from training.distill import distill, packaged_teacher
from training.fit import FitConfig, fit
from training.prepared import PreparedError, load, prepare
from training.report import as_markdown, report


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one stage.

    :returns: exit status: 0 done, 1 an input cannot be used, 2 wrong arguments.
    """
    parsed = _parser().parse_args(arguments)
    try:
        parsed.stage(parsed)
    except (SummarizerError, CorpusError, PreparedError, ValueError, OSError) as error:
        print(f"training: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training", description="From articles with quotes to a checkpoint."
    )
    stages = parser.add_subparsers(required=True, metavar="STAGE")

    stage = stages.add_parser("distill", help="make a static encoder out of a SentenceTransformer")
    stage.add_argument("--out", type=Path, required=True, help="folder to write")
    stage.add_argument("--teacher", type=Path, help="model folder; all-MiniLM-L6-v2 as packaged by default")
    stage.add_argument("--dimension", type=int, default=256, help="width of the vectors (default 256)")
    stage.set_defaults(stage=_distill)

    stage = stages.add_parser("prepare", help="split, encode and give targets")
    stage.add_argument("corpus", type=Path, nargs="+", help="JSON Lines files (gz too), or folders of them")
    stage.add_argument(
        "--encoder", required=True, help="folder of a static encoder, or any SentenceTransformer"
    )
    stage.add_argument("--closeness", choices=sorted(CLOSENESS), default="blend", help="default: blend")
    stage.add_argument("--out", type=Path, required=True, help="folder to write")
    stage.set_defaults(stage=_prepare)

    stage = stages.add_parser(
        "fit", help="train the network, measure it on the test split, write a checkpoint"
    )
    stage.add_argument("prepared", type=Path, help="folder that prepare wrote")
    stage.add_argument("--encoder", required=True, help="the encoder that prepare used")
    stage.add_argument("--out", type=Path, required=True, help="checkpoint folder to write")
    stage.add_argument("--name", default="quotes", help="of the model (default: quotes)")
    stage.add_argument("--model-version", default="1", help="of the model (default: 1)")
    _add_fields(stage, FitConfig)
    _add_fields(stage, ModelConfig)
    stage.set_defaults(stage=_fit)
    return parser


def _add_fields(stage: argparse.ArgumentParser, config: type) -> None:
    """One option for each number in a configuration; its documentation is the class's."""
    for field in dataclasses.fields(config):
        if field.type in (int, float, "int", "float") and field.default is not dataclasses.MISSING:
            option = f"--{field.name.replace('_', '-')}"
            stage.add_argument(
                option, type=type(field.default), default=field.default, help=f"default: {field.default}"
            )


def _fields(parsed: argparse.Namespace, config: type) -> dict[str, object]:
    return {
        field.name: getattr(parsed, field.name)
        for field in dataclasses.fields(config)
        if field.name in parsed
    }


def _open_encoder(name: str) -> Encoder:
    if (Path(name) / "modules.json").exists() or not (Path(name) / "tokenizer.json").exists():
        return SentenceTransformerEncoder(name)
    return StaticEncoder.load(Path(name), Path(name).name)


def _distill(parsed: argparse.Namespace) -> None:
    distill(parsed.teacher or packaged_teacher(), parsed.out, parsed.dimension)


def _prepare(parsed: argparse.Namespace) -> None:
    corpus = read_corpus(parsed.corpus)
    for refused in corpus.refused:
        print(f"refused {refused.file}:{refused.line}: {refused.field}: {refused.reason}", file=sys.stderr)
    manifest = prepare(corpus.articles, _open_encoder(parsed.encoder), parsed.closeness, parsed.out)
    counts = Counter(split_of(article.id) for article in corpus.articles)
    print(
        f"{manifest.articles} articles, {manifest.sentences} sentences,"
        f" {len(corpus.refused)} rows refused; {dict(counts)}"
    )


def _fit(parsed: argparse.Namespace) -> None:
    check_replaceable(parsed.out, marker=checkpoint.CONFIG_FILE)
    encoder = _open_encoder(parsed.encoder)
    manifest, articles = load(parsed.prepared)
    if manifest.encoder_digest != encoder.digest:
        raise PreparedError(
            f"{parsed.prepared} was made with an encoder of digest {manifest.encoder_digest};"
            f" {parsed.encoder} has {encoder.digest}; run prepare again"
        )
    splits = {
        split: [a for a in articles if split_of(a.article.id) == split]
        for split in ("train", "validation", "test")
    }
    config = FitConfig(**_fields(parsed, FitConfig))  # type: ignore[arg-type]
    model = ModelConfig(**{**_fields(parsed, ModelConfig), "dimension": manifest.dimension})  # type: ignore[arg-type]
    scorer, history = fit(splits["train"], splits["validation"], model, config)
    figures = {split: report(splits[split], scorer) for split in ("validation", "test")}
    kind = "static" if isinstance(encoder, StaticEncoder) else "sentence-transformers"
    training = {
        "fit": dataclasses.asdict(config),
        "articles": {split: len(found) for split, found in splits.items()},
        "sources": dict(sorted(Counter(article.article.source for article in articles).items())),
        "history": [dataclasses.asdict(epoch) for epoch in history],
    }
    about = checkpoint.CheckpointConfig(
        name=parsed.name,
        version=parsed.model_version,
        model=model,
        encoder=checkpoint.EncoderConfig(kind, encoder.name, encoder.digest),  # type: ignore[arg-type]
        closeness=manifest.closeness,
        training=training,
    )
    checkpoint.save(
        parsed.out,
        about,
        scorer,
        encoder_folder=Path(parsed.encoder) if kind == "static" else None,
        metrics=figures,
        card=card(about, figures),
    )
    print(as_markdown(figures["test"]))


if __name__ == "__main__":
    sys.exit(main())
