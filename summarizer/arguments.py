"""Command-line arguments that the commands share."""

import argparse
from pathlib import Path
from typing import get_args

from summarizer.options import DEFAULT_SENTENCES, Order, Redundancy, SummaryOptions


def add_summary_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that decide the length and the choice of the summary."""
    budget = parser.add_argument_group(
        "length of the summary (at most one of these)"
    ).add_mutually_exclusive_group()
    budget.add_argument(
        "--sentences", type=int, metavar="N", help=f"number of sentences (default {DEFAULT_SENTENCES})"
    )
    budget.add_argument("--words", type=int, metavar="N", help="at most N words")
    budget.add_argument(
        "--ratio", type=float, metavar="R", help="share of the sentences, above 0 and at most 1"
    )
    budget.add_argument(
        "--threshold", type=float, metavar="S", help="all sentences that score at least S, from 0 to 1"
    )
    parser.add_argument(
        "--order",
        choices=get_args(Order),
        default="document",
        help="order of the selected sentences; default: document",
    )
    parser.add_argument(
        "--redundancy",
        choices=get_args(Redundancy),
        default="trigram",
        help="how to avoid repetition; default: trigram",
    )
    parser.add_argument(
        "--kind",
        type=non_empty,
        metavar="NAME",
        help="kind of text that the article is read as, such as news; default: the model recognizes it",
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the options that name the model."""
    parser.add_argument(
        "--checkpoint", type=non_empty, metavar="DIR", help="folder of a model; default: the one shipped"
    )
    parser.add_argument(
        "--encoder",
        type=non_empty,
        metavar="NAME",
        help="where the checkpoint's encoder is, if not where the checkpoint says",
    )


def non_empty(value: str) -> str:
    """A name. An empty one is a mistake, such as a shell variable that is not set.

    :raises argparse.ArgumentTypeError: the name is empty.
    """
    if not value:
        raise argparse.ArgumentTypeError("the name is empty; give one")
    return value


def non_empty_path(value: str) -> Path:
    """A file or folder. (An empty Path would be the current folder.)

    :raises argparse.ArgumentTypeError: the name is empty.
    """
    return Path(non_empty(value))


def summary_options(parsed: argparse.Namespace) -> SummaryOptions:
    """The summary options among the parsed arguments.

    :raises InvalidOption: one of them is out of range.
    """
    return SummaryOptions(
        parsed.sentences,
        parsed.words,
        parsed.ratio,
        parsed.threshold,
        parsed.order,
        parsed.redundancy,
        parsed.kind,
    )
