import dataclasses

import numpy as np
import pytest

from summarizer.model import (
    POSITION_FEATURES,
    ModelConfig,
    SentenceScorer,
    input_width,
    network_input,
    position_features,
    weight_shapes,
)
from summarizer.text_features import ARTICLE_FEATURES, RARITY_FEATURES, TYPOGRAPHY_FEATURES

pytestmark = pytest.mark.usefixtures("both_ways")


def random_weights(config: ModelConfig) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    return {name: generator.normal(size=shape) for name, shape in weight_shapes(config).items()}


@pytest.mark.parametrize("count", [1, 2, 5, 5000])
def test_position_features_are_bounded_and_tell_every_place_apart(count):
    features = position_features(count)
    assert features.shape == (count, POSITION_FEATURES)
    assert features.dtype == np.float32
    assert ((features >= 0) & (features <= 1)).all()
    assert len(np.unique(features, axis=0)) == count


def test_positions_are_those_that_trained_networks_know():
    expected = [
        [0, 2 / 3, 1, 1 / 3, 0],
        [1 / 3, 1 / 3, 1 / 2, 1 / 2, 0.5],
        [2 / 3, 0, 1 / 3, 1, np.log(3) / np.log(4)],
    ]
    np.testing.assert_allclose(position_features(3), expected, atol=1e-7)


@pytest.mark.parametrize("count", [3, 600])
def test_positions_that_are_remembered_cannot_be_changed(count):
    with pytest.raises(ValueError, match="read-only"):
        position_features(count)[0] = 1
    assert position_features(count)[0, 0] == 0


def test_the_first_and_the_last_sentence_mirror_each_other():
    features = position_features(9)
    np.testing.assert_array_equal(features[:, 0], features[::-1, 1])
    np.testing.assert_array_equal(features[:, 2], features[::-1, 3])


def test_order_reaches_the_network_without_position_features_too():
    config = ModelConfig(dimension=6, width=5, text_features=False, position_features=False)
    scorer = SentenceScorer(config, random_weights(config))
    scores = scorer.score(np.ones((4, 6), np.float32))
    assert len(set(scores.tolist())) > 1


@pytest.mark.parametrize("text_features", [True, False])
@pytest.mark.parametrize("rarity", [True, False])
@pytest.mark.parametrize("typography", [True, False])
@pytest.mark.parametrize("position_features", [True, False])
def test_the_network_reads_what_its_configuration_says(text_features, rarity, typography, position_features):
    config = ModelConfig(
        6,
        text_features=text_features,
        rarity=rarity,
        typography=typography,
        position_features=position_features,
    )
    vectors = np.ones((4, 6), np.float32)
    features = np.tile(np.arange(RARITY_FEATURES.stop, dtype=np.float32) + 10, (4, 1))
    read = network_input(vectors, features, config)
    assert read.shape == (4, input_width(config))
    expected = [
        *(ARTICLE_FEATURES if text_features else ()),
        *(TYPOGRAPHY_FEATURES if text_features and typography else ()),
        *(RARITY_FEATURES if text_features and rarity else ()),
    ]
    assert (read[0, read[0] >= 10] - 10).tolist() == expected
    assert config.reads_rarity == (text_features and rarity)
    np.testing.assert_array_equal(read[:, :6], vectors)
    read[:] = 0
    assert vectors.all()


@pytest.mark.parametrize("kind", [None, 0, 1, 2])
@pytest.mark.parametrize("position_features", [True, False])
def test_every_sentence_is_told_the_kind_of_its_article(kind, position_features):
    config = ModelConfig(6, position_features=position_features, kinds=("news", "paper", "answer"))
    vectors, features = np.ones((4, 6), np.float32), np.ones((4, RARITY_FEATURES.stop), np.float32)
    read = network_input(vectors, features, config, kind)
    assert read.shape == (4, input_width(config))
    expected = [float(kind == place) for place in range(3)]
    assert read[:, -3:].tolist() == [expected] * 4
    without = network_input(vectors, features, dataclasses.replace(config, kinds=()))
    np.testing.assert_array_equal(read[:, :-3], without)


def test_the_classifier_decides_the_kind_and_a_network_without_kinds_has_none():
    config = ModelConfig(6, width=5, text_features=False, kinds=("news", "paper"))
    weights = {name: np.zeros(shape) for name, shape in weight_shapes(config).items()}
    weights["kinds.weight"][1, 0] = 1  # a paper if the mean of the first number of the vectors is above 0.1
    weights["kinds.bias"][:] = [0.1 * 6**0.5 / 2, 0]
    scorer = SentenceScorer(config, weights)
    features = np.zeros((2, RARITY_FEATURES.stop), np.float32)
    for mean, kind in ((0.05, 0), (0.15, 1)):
        vectors = np.array([[mean - 0.3] + [0] * 5, [mean + 0.3] + [0] * 5], np.float32)
        assert scorer.kind_of(["It rained.", "It snowed."], vectors, features) == kind
    plain = ModelConfig(6, width=5)
    assert (
        SentenceScorer(plain, random_weights(plain)).kind_of(["It rained."], vectors[:1], features[:1])
        is None
    )


def test_scoring_changes_nothing():
    config = ModelConfig(dimension=6, width=5, members=2, layers=2)
    scorer = SentenceScorer(config, random_weights(config))
    article = np.random.default_rng(1).normal(size=(7, input_width(config))).astype(np.float32)
    before = article.copy()
    first = scorer.score(article)
    np.testing.assert_array_equal(first, scorer.score(article))
    np.testing.assert_array_equal(article, before)
    assert first.dtype == np.float32


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dimension": 0}, "dimension must be a whole number of at least 1; got 0"),
        ({"width": 2.5}, "width must be"),
        ({"cell": "transformer"}, "cell must be one of lstm, gru, rnn; got 'transformer'"),
        ({"dropout_inputs": 1.0}, "dropout_inputs must be a number of at least 0 and below 1"),
        ({"dropout_recurrent": "a"}, "dropout_recurrent must be a number of at least 0 and below 1"),
        ({"normalize": True}, "normalize must be one of none, layer, batch; got True"),
        ({"activation": "relu"}, "activation must be one of sigmoid, linear"),
        ({"members": 0}, "members must be a whole number of at least 1"),
        ({"kinds": ["news"]}, "kinds must be at least two different names, or none"),
        ({"kinds": ["news", "news"]}, "kinds must be at least two different names, or none"),
        ({"kinds": ["news", 3]}, "kinds must be a list of names"),
        ({"kinds": "news"}, "kinds must be a list of names"),
        ({"dropout_kind": 1}, "dropout_kind must be a number of at least 0 and below 1"),
        ({"bidirectional": "yes"}, "bidirectional must be true or false"),
    ],
)
def test_an_impossible_architecture_is_refused_by_field(settings, message):
    with pytest.raises(ValueError, match=message):
        ModelConfig(**{"dimension": 6, **settings})
