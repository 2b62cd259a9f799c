"""The model card: what a checkpoint is, what it was trained on, what was measured, what it cannot do."""

from collections.abc import Mapping
from typing import Any

from summarizer.checkpoint import CheckpointConfig
from training.report import as_markdown


def card(config: CheckpointConfig, figures: Mapping[str, Mapping[str, Any]]) -> str:
    """Markdown for the checkpoint's README.

    :param figures: split -> what :func:`training.report.report` gave for it.
    """
    counts = config.training["articles"]
    sources = ", ".join(f"{source} ({count})" for source, count in config.training["sources"].items())
    model = config.model
    tables = "\n\n".join(
        f"### {split.capitalize()} split\n\n{as_markdown(found)}" for split, found in figures.items()
    )
    return f"""# {config.name} {config.version}

Scores every sentence of an article by how close it is to what a curator would quote.

- **Network**: {"bidirectional " if model.bidirectional else ""}{model.cell.upper()} of width {model.width},
  {model.layers} layer(s), sentence vectors of width {model.dimension}
  {"with" if model.position_features else "without"} position features, one dense head for every sentence.
- **Encoder**: {config.encoder.name} ({config.encoder.kind}), digest `{config.encoder.digest}`.
- **Targets**: closeness `{config.closeness}` of each sentence to the quotes or summary of its article.
- **Score**: in [0, 1], the expected closeness; comparable between articles of this model, not between models.

## Data

Split by a fixed hash of the id: {counts["train"]} articles for training, {counts["validation"]} for
validation (when to stop), {counts["test"]} for test (nothing was chosen by it). Sources: {sources}.

## Figures

ROUGE F1 in percent with stemming; half-widths and intervals are 95 % bootstrap over articles. `lead`
takes the first sentences, `longest` the longest, `oracle` looks at the answer. AUC, nDCG and P@k (precision
at as many sentences as were quoted) where quotes are sentences of the article.

{tables}

## Limits

- Trained on English only. Other languages are split and scored, but nothing is known of how well.
- On news it has learnt that importance comes early; in texts built otherwise that can mislead it.
- A selected sentence can depend on one that is not ("He also said so"). Read it in its place.
- Bylines, captions and other remains of a page are scored like sentences.
"""
