"""Arguments that the commands share."""

import argparse
from pathlib import Path
from typing import get_args

from summarizer.options import DEFAULT_SENTENCES, Order, Redundancy, SummaryOptions


def add_summary_options(parser: argparse.ArgumentParser) -> None:
    """How long the summary is, and how it is chosen."""
    budget = parser.add_argument_group("length of the summary (one of them)").add_mutually_exclusive_group()
    budget.add_argument(
        "--sentences", type=int, metavar="N", help=f"number of sentences (default {DEFAULT_SENTENCES})"
    )
    budget.add_argument("--words", type=int, metavar="N", help="at most N words")
    budget.add_argument("--ratio", type=float, metavar="R", help="share of the sentences, over 0 up to 1")
    budget.add_argument("--threshold", type=float, metavar="S", help="all that score at least S, from 0 to 1")
    parser.add_argument("--order", choices=get_args(Order), default="document", help="default: document")
    parser.add_argument(
        "--redundancy", choices=get_args(Redundancy), default="trigram", help="default: trigram"
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """Which model scores."""
    parser.add_argument(
        "--checkpoint", type=name, metavar="DIR", help="a trained model; the one shipped by default"
    )
    parser.add_argument(
        "--encoder", type=name, metavar="NAME", help="where the checkpoint's encoder is, if it is not shipped"
    )


def name(value: str) -> str:
    """An argument that names something: an empty one, as of a variable that is not set, means nothing.

    :raises argparse.ArgumentTypeError: it is empty.
    """
    if not value:
        raise argparse.ArgumentTypeError("the name is empty; give one")
    return value


def path(value: str) -> Path:
    """The same for a file or folder; an empty Path would be the current folder.

    :raises argparse.ArgumentTypeError: it is empty.
    """
    return Path(name(value))


def summary_options(parsed: argparse.Namespace) -> SummaryOptions:
    """The options that were given.

    :raises InvalidOption: one is out of its range.
    """
    return SummaryOptions(
        parsed.sentences, parsed.words, parsed.ratio, parsed.threshold, parsed.order, parsed.redundancy
    )
