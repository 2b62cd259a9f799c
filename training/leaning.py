"""Targets that lean towards the lead: a precaution for articles of newsrooms that nobody trained on.

Newspapers put first what matters most, and their editors quote it, but how strictly differs from one to the
next. A network that has seen a few newspapers learns where those deviate, by signs that may mean nothing
elsewhere, and on the articles of another newspaper it falls below the first three sentences. If a share of
the targets is nothing but the place of the sentence, it deviates only for what outweighs that; and because
the share applies to some sources only, other kinds of text keep their own targets.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from training.prepared import PreparedArticle

# Sentences after which the pull has fallen to 1 / e: about the length of a summary.
LEAD_SENTENCES = 3


def lean(article: PreparedArticle, share: float) -> PreparedArticle:
    """The article with targets (1 - share) * target + share * exp(-i / 3) for sentence i, from 0.

    In its littered form, the lines that are not sentences of the article have no place: their targets are
    only multiplied.

    :param share: in [0, 1].
    """
    if not share:
        return article
    sentences = frozenset(article.sentences)

    def leaning(form: PreparedArticle) -> NDArray[np.float32]:
        real = np.array([sentence in sentences for sentence in form.sentences], np.bool_)
        place = np.cumsum(real) - 1
        pull = np.where(real, np.exp(-place / LEAD_SENTENCES), 0)
        return ((1 - share) * form.targets + share * pull).astype(np.float32)

    littered = article.littered and replace(article.littered, targets=leaning(article.littered))
    return replace(article, targets=leaning(article), littered=littered)
