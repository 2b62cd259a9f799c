import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from rouge_score.tokenizers import DefaultTokenizer
from scipy.stats import spearmanr
from sklearn.metrics import log_loss, ndcg_score, roc_auc_score

from training.closeness import stems
from training.metrics import (
    RougeMeter,
    auc,
    binary_cross_entropy,
    bootstrap_means,
    calibration,
    expected_calibration_error,
    mean,
    ndcg,
    precision_at_k,
    spearman,
)

# Few distinct scores, so that ties are common.
RANKED = st.lists(st.tuples(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), st.booleans()), min_size=1).map(
    lambda pairs: (np.array([score for score, _ in pairs]), np.array([flag for _, flag in pairs]))
)
VALUES = st.lists(st.floats(-100, 100), min_size=1, max_size=30).map(np.array)


@pytest.fixture(scope="module")
def meter() -> RougeMeter:
    return RougeMeter()


def test_rouge_by_hand(meter):
    # Words: 3 of 4 and 3 of 3. Pairs: 1 of 3 and 1 of 2. Longest common subsequence: cat ... sat, 2 words.
    found = meter.score(["sat the cat"], ["the cat has sat"])
    assert found.rouge1 == pytest.approx(6 / 7)
    assert found.rouge2 == pytest.approx(2 / 5)
    assert found.rouge_lsum == pytest.approx(4 / 7)


def test_rouge_lsum_looks_at_each_sentence(meter):
    # As one sequence, "c d" after "a b" would break the order; sentence by sentence nothing is lost.
    found = meter.score(["cats sleep", "dogs bark"], ["dogs bark", "cats sleep"])
    assert found.rouge_lsum == found.rouge1 == 1


def test_rouge_stems(meter):
    assert meter.score(["the dogs were sleeping"], ["the dog were sleeps"]).rouge1 == 1


def test_a_line_break_inside_a_sentence_does_not_end_it(meter):
    one, other = ["cats sleep\nall day"], ["cats sleep all day"]
    assert meter.score(one, ["all day cats sleep"]) == meter.score(other, ["all day cats sleep"])


@pytest.mark.parametrize(("selected", "references"), [([], ["cats sleep"]), (["cats"], []), (["?"], ["!"])])
def test_rouge_of_nothing_is_0(meter, selected, references):
    assert meter.score(selected, references) == (0, 0, 0)


@given(
    st.lists(st.text("ab sleeping dogs.\n😀é", max_size=20), max_size=3),
    st.lists(st.text("ab sleeping dogs.\n😀é", max_size=20), max_size=3),
)
def test_remembering_tokens_changes_no_figure(selected, references):
    flat = "\n".join(" ".join(sentence.split()) for sentence in selected)
    plain = RougeScorer(["rouge1", "rouge2", "rougeLsum"], use_stemmer=True).score(
        "\n".join(references), flat
    )
    found = RougeMeter().score(selected, references)
    assert list(found) == [plain[name].fmeasure for name in ("rouge1", "rouge2", "rougeLsum")]


@given(st.text(st.characters(max_codepoint=127)) | st.text("sleeping dogs_'-.1 \n"))
def test_words_of_any_script_are_those_of_rouge_score_in_ascii(text):
    assert list(stems(text)) == DefaultTokenizer(use_stemmer=True).tokenize(text)


@pytest.mark.parametrize(
    ("selected", "other", "quote"),
    [
        ("Совет принял бюджет.", "Река у моста.", "Совет принял бюджет города."),
        ("市议会通过了预算。", "河在桥边。", "市议会通过了城市预算。"),
        ("ضرب حريق المدينة", "النهر عند الجسر", "ضرب حريق كبير المدينة"),
    ],
)
def test_rouge_reads_other_scripts_than_latin(meter, selected, other, quote):
    assert meter.score([quote], [quote]) == (1, 1, 1)
    assert all(0 < value < 1 for value in meter.score([selected], [quote]))
    assert meter.score([other], [quote]) < meter.score([selected], [quote])


@pytest.mark.parametrize(
    "quote", ["‘The café’s α is 0.5,’ she says.", "Die Brücke über den Fluss", "…", "😀"]
)
def test_in_latin_script_rouge_is_that_of_rouge_score(meter, quote):
    summary = "The α of a café — naïve, über all"
    plain = RougeScorer(["rouge1", "rouge2", "rougeLsum"], use_stemmer=True).score(quote, summary)
    assert list(meter.score([summary], [quote])) == [score.fmeasure for score in plain.values()]


@given(RANKED)
def test_auc_is_that_of_scikit_learn(ranked):
    scores, relevant = ranked
    if relevant.all() or not relevant.any():
        assert math.isnan(auc(scores, relevant))
    else:
        assert auc(scores, relevant) == pytest.approx(roc_auc_score(relevant, scores))


@given(RANKED, st.randoms(use_true_random=False))
def test_auc_does_not_depend_on_the_order_of_the_sentences(ranked, random):
    scores, relevant = ranked
    order = list(range(len(scores)))
    random.shuffle(order)
    assert auc(scores[order], relevant[order]) == pytest.approx(auc(scores, relevant), nan_ok=True)


def test_auc_of_equal_scores_is_chance():
    assert auc(np.full(6, 0.3), np.array([True, False, False, True, False, False])) == 0.5


@given(st.lists(st.sampled_from([0.0, 0.2, 0.5, 1.0]), min_size=2), st.randoms(use_true_random=False))
def test_ndcg_is_that_of_scikit_learn(gains, random):
    scores = np.array(random.sample(range(len(gains)), len(gains)), float)  # it averages over ties
    if any(gains):
        assert ndcg(scores, np.array(gains)) == pytest.approx(ndcg_score([gains], [scores]))
    else:
        assert math.isnan(ndcg(scores, np.array(gains)))


def test_ndcg_takes_equal_scores_in_document_order():
    assert ndcg(np.zeros(3), np.array([0.0, 1.0, 0.0])) == pytest.approx(1 / math.log2(3))


@given(RANKED, st.integers(1, 10))
def test_precision_is_a_share(ranked, k):
    assert 0 <= precision_at_k(*ranked, k) <= 1


def test_precision_takes_equal_scores_in_document_order():
    scores, relevant = np.array([0.5, 0.5, 0.5, 0.9]), np.array([True, False, False, False])
    assert precision_at_k(scores, relevant, 2) == 0.5
    assert precision_at_k(scores, relevant[::-1], 2) == 0.5
    assert precision_at_k(scores, relevant, 1) == 0


def test_among_many_equal_scores_the_first_in_the_document_are_the_best():
    scores = np.arange(100) % 2 / 2
    relevant = np.flatnonzero(scores)[:20]
    gains = np.zeros(100)
    gains[relevant] = 1
    assert precision_at_k(scores, gains > 0, 20) == 1
    assert ndcg(scores, gains) == 1


@given(VALUES, st.integers(0, 1000))
def test_resampled_means_lie_within_the_values_and_are_repeated_by_their_seed(values, seed):
    means = bootstrap_means(values, rounds=50, seed=seed)
    # A mean of floats may differ from them in the last digits.
    assert values.min() - 1e-9 <= means.min() <= means.max() <= values.max() + 1e-9
    np.testing.assert_array_equal(means, bootstrap_means(values, rounds=50, seed=seed))


def test_resampled_means_spread_as_theory_expects():
    values = np.random.default_rng(0).normal(size=400)
    assert bootstrap_means(values, rounds=4000).std() == pytest.approx(values.std() / 20, rel=0.05)


def test_of_nothing_there_is_no_mean_and_no_warning():
    nothing = np.zeros(0)
    assert math.isnan(mean(nothing))
    assert np.isnan(bootstrap_means(nothing, rounds=5)).tolist() == [True] * 5


UNIT = st.floats(0, 1)
PAIRS = st.lists(st.tuples(UNIT, UNIT), min_size=2, max_size=30).map(lambda pairs: np.array(pairs).T)


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2).map(lambda p: np.array(p, float).T)
)
def test_rank_correlation_is_that_of_scipy(pair):
    scores, targets = pair
    if np.ptp(scores) == 0 or np.ptp(targets) == 0:
        assert math.isnan(spearman(scores, targets))
    else:
        assert spearman(scores, targets) == pytest.approx(spearmanr(scores, targets).statistic, abs=1e-9)


def test_rank_correlation_of_nothing_or_one_sentence_is_undefined():
    assert math.isnan(spearman(np.zeros(0), np.zeros(0)))
    assert math.isnan(spearman(np.ones(1), np.ones(1)))


def test_cross_entropy_is_that_of_scikit_learn_for_hard_targets():
    scores, targets = np.array([0.9, 0.2, 0.6, 0.5]), np.array([1.0, 0.0, 0.0, 1.0])
    assert binary_cross_entropy(scores, targets) == pytest.approx(log_loss(targets, scores))


def test_cross_entropy_of_a_certain_mistake_is_the_largest_of_its_range():
    for score in (0.0, 1.0):
        assert binary_cross_entropy(np.array([score]), np.array([1 - score])) == pytest.approx(
            16.118, abs=1e-3
        )


@given(PAIRS)
def test_cross_entropy_is_finite_and_lowest_at_the_targets(pair):
    scores, targets = pair
    assert math.isfinite(binary_cross_entropy(scores, targets))
    assert binary_cross_entropy(scores, targets) >= binary_cross_entropy(targets, targets) - 1e-6


@given(PAIRS)
def test_every_sentence_is_in_the_bin_of_its_score(pair):
    scores, targets = pair
    bins = calibration(scores, targets)
    assert [bins[0].low, bins[-1].high, len(bins)] == [0, 1, 10]
    assert sum(found.sentences for found in bins) == len(scores)
    for found in bins:
        assert math.isnan(found.score) == math.isnan(found.target) == (found.sentences == 0)
        if found.sentences:
            assert found.low - 1e-9 <= found.score <= found.high + 1e-9
    assert 0 <= expected_calibration_error(bins) <= 1


def test_calibration_error_by_hand():
    # Three at 0.15 whose targets are 0, one at 0.85 whose target is 1: both are off by 0.15.
    bins = calibration(np.array([0.15, 0.15, 0.15, 0.85]), np.array([0.0, 0.0, 0.0, 1.0]))
    assert expected_calibration_error(bins) == pytest.approx(0.15)


@given(st.lists(UNIT, min_size=1).map(np.array))
def test_scores_equal_to_the_targets_are_calibrated(targets):
    assert expected_calibration_error(calibration(targets, targets)) == 0


def test_calibration_of_nothing_is_undefined():
    assert math.isnan(expected_calibration_error(calibration(np.zeros(0), np.zeros(0))))
    assert math.isnan(binary_cross_entropy(np.zeros(0), np.zeros(0)))
