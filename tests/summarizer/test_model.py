import numpy as np
import pytest
import torch

from summarizer.model import (
    POSITION_FEATURES,
    ModelConfig,
    PaddedBatch,
    SentenceScorer,
    network_input,
    pad,
    position_features,
)
from summarizer.text_features import TEXT_FEATURES

ARCHITECTURES = [
    {"cell": cell, "bidirectional": bidirectional, "layers": layers, "position_features": bidirectional}
    for cell in ("lstm", "gru", "rnn")
    for bidirectional in (True, False)
    for layers in (1, 2)
] + [{"normalize": "batch"}, {"normalize": "none"}, {"activation": "linear"}, {"members": 3}]


def small(**settings: object) -> ModelConfig:
    return ModelConfig(**{"dimension": 6, "width": 5, "text_features": False, **settings})


def articles(*lengths: int) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [generator.normal(size=(length, 6)) for length in lengths]


@pytest.mark.parametrize("settings", ARCHITECTURES, ids=str)
def test_an_article_scores_the_same_alone_and_in_any_batch(settings):
    torch.manual_seed(0)
    scorer = SentenceScorer(small(**settings)).double()
    found = articles(1, 9, 4, 30, 4, 2)
    together = scorer.score(pad(found)).numpy()
    for row, article in zip(together, found, strict=True):
        alone = scorer.score(pad([article])).numpy()[0]
        np.testing.assert_allclose(row[: len(article)], alone, rtol=0, atol=1e-12)


def test_what_stands_in_the_padding_does_not_matter():
    torch.manual_seed(0)
    scorer = SentenceScorer(small()).double()
    batch = pad(articles(3, 8))
    spoiled = PaddedBatch(torch.where(batch.mask[:, :, None], batch.vectors, 1e6), batch.lengths)
    assert torch.equal(scorer.score(batch)[batch.mask], scorer.score(spoiled)[batch.mask])


def test_scores_are_in_the_unit_interval_and_dropout_is_off():
    scorer = SentenceScorer(
        ModelConfig(
            dimension=6,
            text_features=False,
            width=5,
            dropout_inputs=0.9,
            dropout_recurrent=0.9,
            dropout_outputs=0.9,
        )
    ).train()
    batch = pad(articles(8, 3))
    first, second = scorer.score(batch), scorer.score(batch)
    assert torch.equal(first, second)
    assert ((first >= 0) & (first <= 1)).all()


def test_position_features_are_bounded_and_know_only_the_article():
    features = position_features(torch.tensor([1, 5]), 5)
    assert features.shape == (2, 5, 5)
    assert ((features >= 0) & (features <= 1)).all()
    assert torch.equal(features[0, :1], position_features(torch.tensor([1]), 1)[0])
    assert (features[0, 1:] == 0).all()


def test_without_position_features_order_alone_distinguishes_equal_sentences():
    torch.manual_seed(0)
    article = np.ones((4, 6))
    plain = SentenceScorer(small(position_features=False)).double()
    assert plain.members[0].recurrent.input_size == 6
    assert plain.score(pad([article])).shape == (1, 4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dimension": 0}, "dimension must be a whole number of at least 1; got 0"),
        ({"width": 2.5}, "width must be"),
        ({"cell": "transformer"}, "cell must be one of lstm, gru, rnn; got 'transformer'"),
        ({"dropout_inputs": 1.0}, "dropout_inputs must be a number from 0 to 1"),
        ({"dropout_recurrent": "a"}, "dropout_recurrent must be a number from 0 to 1"),
        ({"normalize": True}, "normalize must be one of none, layer, batch; got True"),
        ({"activation": "relu"}, "activation must be one of sigmoid, linear"),
        ({"members": 0}, "members must be a whole number of at least 1"),
        ({"bidirectional": "yes"}, "bidirectional must be true or false"),
    ],
)
def test_an_impossible_architecture_is_refused_by_field(settings, message):
    with pytest.raises(ValueError, match=message):
        ModelConfig(**{"dimension": 6, **settings})


def test_input_dropout_drops_the_same_numbers_at_every_sentence():
    config = small(normalize="none", dropout_inputs=0.5)
    network = SentenceScorer(config).members[0]
    seen = []
    network.recurrent.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].data))
    network.train()(pad([np.ones((40, 6), np.float32)]))
    vectors = seen[0][:, :6]
    assert set(vectors.flatten().tolist()) == {0.0, 2.0}
    assert (vectors == vectors[0]).all()


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_recurrent_dropout_is_one_mask_on_the_state_at_every_sentence(cell):
    """Against the recurrence written out, with the mask applied to the state instead of the weights."""
    torch.manual_seed(0)
    plain = {"bidirectional": False, "position_features": False, "normalize": "none"}
    dropouts = {"dropout_inputs": 0.0, "dropout_recurrent": 0.4, "dropout_outputs": 0.0}
    config = small(cell=cell, **plain, **dropouts)
    network = SentenceScorer(config).double().members[0].train()
    batch = pad(articles(7, 4))
    torch.manual_seed(3)
    outputs = network(batch)
    torch.manual_seed(3)
    gates = {"lstm": 4, "gru": 3, "rnn": 1}[cell]
    kept = torch.nn.functional.dropout(torch.ones(gates, 1, 5, dtype=torch.float64), 0.4)
    assert (kept == 0).any()
    assert (kept != 0).any()
    layer = network.recurrent
    for row, length in enumerate(batch.lengths):
        h = c = torch.zeros(5, dtype=torch.float64)
        for step in range(length):
            x = layer.weight_ih_l0 @ batch.vectors[row, step] + layer.bias_ih_l0
            weights = layer.weight_hh_l0.view(gates, 5, 5)
            r = torch.cat([weights[gate] @ (h * kept[gate, 0]) for gate in range(gates)]) + layer.bias_hh_l0
            if cell == "rnn":
                h = torch.tanh(x + r)
            elif cell == "lstm":
                i, f, g, o = (x + r).chunk(4)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
            else:
                (xr, xz, xn), (hr, hz, hn) = x.chunk(3), r.chunk(3)
                z = torch.sigmoid(xz + hz)
                h = (1 - z) * torch.tanh(xn + torch.sigmoid(xr + hr) * hn) + z * h
            torch.testing.assert_close(outputs[row, step], network.head(h)[0])


def test_recurrent_dropout_lets_gradients_reach_the_weights_it_thins():
    network = SentenceScorer(small(dropout_recurrent=0.5)).members[0].train()
    network(pad([article.astype(np.float32) for article in articles(5)])).sum().backward()
    assert network.recurrent.weight_hh_l0.grad.any()
    assert isinstance(network.recurrent.weight_hh_l0, torch.nn.Parameter)


def test_batch_normalization_counts_real_sentences_only():
    config = small(normalize="batch")
    torch.manual_seed(0)
    scorer = SentenceScorer(config).double().train()
    found = articles(2, 30)
    scorer(pad(found))
    rows = np.concatenate(found)
    np.testing.assert_allclose(scorer.members[0].normalize.running_mean, 0.1 * rows.mean(axis=0))


def test_the_score_of_several_members_is_the_mean_of_theirs():
    torch.manual_seed(0)
    for activation in ("sigmoid", "linear"):
        scorer = SentenceScorer(small(members=3, activation=activation)).double()
        batch = pad(articles(4, 9))
        outputs = torch.stack([member.eval()(batch) for member in scorer.members])
        expected = scorer.activate(outputs).mean(dim=0).clamp(0, 1)
        torch.testing.assert_close(scorer.score(batch)[batch.mask], expected[batch.mask])


def test_a_linear_head_is_clipped_to_the_unit_interval():
    torch.manual_seed(0)
    scorer = SentenceScorer(small(activation="linear")).double()
    with torch.no_grad():
        scorer.members[0].head.weight.mul_(50)
    batch = pad(articles(40))
    scores = scorer.score(batch)
    assert scores.min() == 0
    assert scores.max() == 1
    assert scorer(batch).min() < 0


def test_text_features_are_read_as_they_are():
    """Neither normalized nor dropped."""
    config = ModelConfig(dimension=6, width=5, dropout_inputs=0.5)
    assert config.text_features
    network = SentenceScorer(config).members[0].train()
    seen = []
    network.recurrent.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].data))
    vectors, features = np.ones((4, 6), np.float32), np.full((4, TEXT_FEATURES), 7, np.float32)
    network(pad([network_input(vectors, features, config)]))
    assert (seen[0][:, 6 : 6 + TEXT_FEATURES] == 7).all()
    assert seen[0].shape == (4, 6 + TEXT_FEATURES + POSITION_FEATURES)


def test_a_network_without_text_features_reads_the_vectors_alone():
    config = ModelConfig(dimension=6, text_features=False)
    vectors, features = np.ones((4, 6), np.float32), np.ones((4, TEXT_FEATURES), np.float32)
    np.testing.assert_array_equal(network_input(vectors, features, config), vectors)
