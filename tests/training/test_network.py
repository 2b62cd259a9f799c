"""The network that is trained, and that it is the network that scores."""

import numpy as np
import pytest
import torch

from summarizer.model import (
    POSITION_FEATURES,
    ModelConfig,
    SentenceScorer,
    input_width,
    network_input,
    weight_shapes,
)
from summarizer.text_features import RARITY_FEATURES
from training.network import Network, PaddedBatch, pad

ARCHITECTURES = [
    {"cell": cell, "bidirectional": bidirectional, "layers": layers, "position_features": bidirectional}
    for cell in ("lstm", "gru", "rnn")
    for bidirectional in (True, False)
    for layers in (1, 2)
] + [{"normalize": "batch"}, {"normalize": "none"}, {"activation": "linear"}]
ARCHITECTURES += [
    {"cell": cell, "bidirectional": bidirectional, "layers": layers, "members": 3}
    for cell in ("lstm", "gru", "rnn")
    for bidirectional, layers in ((True, 1), (True, 2), (False, 2))
]


def small(**settings: object) -> ModelConfig:
    return ModelConfig(
        **{"dimension": 6, "width": 5, "text_features": False, "position_features": False, **settings}
    )


def articles(*lengths: int, width: int = 6) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [generator.normal(size=(length, width)) for length in lengths]


def network_of(config: ModelConfig) -> Network:
    """In double precision, with normalizations that do something."""
    torch.manual_seed(0)
    network = Network(config).double()
    with torch.no_grad():
        for name, tensor in network.named_parameters():
            if "normalize" in name:
                tensor.uniform_(0.5, 1.5)
        for name, tensor in network.named_buffers():
            if "running" in name:
                tensor.uniform_(0.5, 1.5)
    return network


@torch.inference_mode()
def scores(network: Network, batch: PaddedBatch) -> torch.Tensor:
    network.eval()
    return network.activate(network(batch)).clamp(0, 1)


@pytest.mark.parametrize("settings", ARCHITECTURES, ids=str)
def test_training_and_scoring_are_the_same_network_in_any_batch(settings):
    config = small(**settings)
    network = network_of(config)
    weights = network.weights()
    assert {name: weight.shape for name, weight in weights.items()} == weight_shapes(config)
    scorer = SentenceScorer(config, weights)
    found = articles(1, 9, 4, 30, 4, 2, width=input_width(config))
    together = scores(network, pad(found)).numpy()
    for row, article in zip(together, found, strict=True):
        alone = scorer.score(article.astype(np.float32))
        np.testing.assert_allclose(row[: len(article)], alone, rtol=0, atol=3e-7)


def test_an_extreme_network_saturates_without_a_warning():
    """exp overflows in single precision from 89 on; a gate far beyond that is shut or open."""
    for cell in ("lstm", "gru", "rnn"):
        config = small(cell=cell)
        weights = {name: weight * 1000 for name, weight in network_of(config).weights().items()}
        found = SentenceScorer(config, weights).score(articles(20)[0].astype(np.float32))
        assert np.isfinite(found).all()
        assert ((found >= 0) & (found <= 1)).all()


def test_what_stands_in_the_padding_does_not_matter():
    network = network_of(small())
    batch = pad(articles(3, 8))
    spoiled = PaddedBatch(torch.where(batch.mask[:, :, None], batch.vectors, 1e6), batch.lengths)
    assert torch.equal(scores(network, batch)[batch.mask], scores(network, spoiled)[batch.mask])


def test_scores_are_in_the_unit_interval_and_dropout_is_off():
    dropouts = {"dropout_inputs": 0.9, "dropout_recurrent": 0.9, "dropout_outputs": 0.9}
    network = network_of(small(**dropouts)).train()
    batch = pad(articles(8, 3))
    first, second = scores(network, batch), scores(network, batch)
    assert torch.equal(first, second)
    assert ((first >= 0) & (first <= 1)).all()


def test_input_dropout_drops_the_same_numbers_at_every_sentence():
    config = small(normalize="none", dropout_inputs=0.5)
    network = Network(config).members[0]
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
    plain = {"bidirectional": False, "normalize": "none"}
    dropouts = {"dropout_inputs": 0.0, "dropout_recurrent": 0.4, "dropout_outputs": 0.0}
    config = small(cell=cell, **plain, **dropouts)
    network = Network(config).double().members[0].train()
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
    network = Network(small(dropout_recurrent=0.5)).members[0].train()
    network(pad([article.astype(np.float32) for article in articles(5)])).sum().backward()
    assert network.recurrent.weight_hh_l0.grad.any()
    assert isinstance(network.recurrent.weight_hh_l0, torch.nn.Parameter)


def test_batch_normalization_counts_real_sentences_only():
    config = small(normalize="batch")
    torch.manual_seed(0)
    network = Network(config).double().train()
    found = articles(2, 30)
    network(pad(found))
    rows = np.concatenate(found)
    np.testing.assert_allclose(network.members[0].normalize.running_mean, 0.1 * rows.mean(axis=0))


def test_the_score_of_several_members_is_the_mean_of_theirs():
    for activation in ("sigmoid", "linear"):
        network = network_of(small(members=3, activation=activation))
        batch = pad(articles(4, 9))
        outputs = torch.stack([member.eval()(batch) for member in network.members])
        expected = network.activate(outputs).mean(dim=0).clamp(0, 1)
        torch.testing.assert_close(scores(network, batch)[batch.mask], expected[batch.mask])


def test_a_linear_head_is_clipped_to_the_unit_interval():
    config = small(activation="linear")
    network = network_of(config)
    with torch.no_grad():
        network.members[0].head.weight.mul_(50)
    article = articles(40)[0].astype(np.float32)
    found = SentenceScorer(config, network.weights()).score(article)
    assert found.min() == 0
    assert found.max() == 1
    assert network.float()(pad([article])).min() < 0


def test_text_features_are_read_as_they_are():
    """Neither normalized nor dropped."""
    config = ModelConfig(dimension=6, width=5, dropout_inputs=0.5)
    assert config.text_features
    network = Network(config).members[0].train()
    seen = []
    network.recurrent.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].data))
    count = RARITY_FEATURES.stop
    vectors, features = np.ones((4, 6), np.float32), np.full((4, count), 7, np.float32)
    network(pad([network_input(vectors, features, config)]))
    assert (seen[0][:, 6 : 6 + count] == 7).all()
    assert seen[0].shape == (4, 6 + count + POSITION_FEATURES)
