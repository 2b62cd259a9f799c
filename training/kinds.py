"""Fits the classifier of kinds of text; see :mod:`summarizer.kinds`.

Apart from the network, and before it: the problem is convex, and its inputs do not depend on the network.
"""

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from summarizer.model import kind_input
from training.config import FitConfig
from training.errors import TrainingError
from training.network import Network
from training.prepared import PreparedArticle

# Of the penalty on the squares of the weights; inverse strength, as scikit-learn counts it.
_PENALTY = 1.0
_MOST_STEPS = 2000


def kind_by_source(config: FitConfig) -> dict[str, int]:
    """Source -> index of its kind. Sources of no kind are not in it."""
    kinds = config.sources_by_kind().values()
    return {source: place for place, sources in enumerate(kinds) for source in sources}


def fit_kinds(network: Network, articles: Sequence[PreparedArticle], config: FitConfig) -> None:
    """Set the weights of a network's classifier, if it has one.

    :param articles: for training; those of no kind are not used.
    :raises TrainingError: there is a kind without an article.
    """
    if not network.config.kinds:
        return
    kinds = kind_by_source(config)
    known = [article for article in articles if article.source in kinds]
    labels = np.array([kinds[article.source] for article in known])
    for place, name in enumerate(network.config.kinds):
        if place not in labels:
            raise TrainingError(f"kinds: no training article is of the kind {name}; leave it out")
    inputs = np.stack([kind_input(one.sentences, one.vectors, one.features, network.config) for one in known])
    model = LogisticRegression(C=1 / _PENALTY, max_iter=_MOST_STEPS).fit(inputs, labels)
    weight, bias = model.coef_, model.intercept_
    if len(weight) == 1:  # of two kinds, scikit-learn has the difference only
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    # The classifier takes the most probable kind. With this, another kind than the first is only that if it
    # has `certainty` of the probability of both.
    bias[1:] -= np.log(config.certainty / (1 - config.certainty))
    with torch.no_grad():
        network.kinds.weight.copy_(torch.from_numpy(weight))
        network.kinds.bias.copy_(torch.from_numpy(bias))
