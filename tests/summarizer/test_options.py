import json
from dataclasses import asdict

import numpy as np
import pytest

from summarizer import InvalidOption, SummaryOptions


@pytest.mark.parametrize(
    ("options", "field", "message"),
    [
        ({"sentences": 0}, "sentences", "at least 1; got 0"),
        ({"sentences": True}, "sentences", "whole number"),
        ({"sentences": 2.0}, "sentences", "whole number"),
        ({"words": -3}, "words", "at least 1; got -3"),
        ({"words": "ten"}, "words", "got 'ten'"),
        ({"ratio": 0}, "ratio", "above 0 and at most 1; got 0"),
        ({"ratio": 1.5}, "ratio", "got 1.5"),
        ({"ratio": float("nan")}, "ratio", "got nan"),
        ({"threshold": -0.1}, "threshold", "from 0 to 1; got -0.1"),
        ({"threshold": float("inf")}, "threshold", "got inf"),
        ({"threshold": "0.5"}, "threshold", "got '0.5'"),
        ({"ratio": 10**400}, "ratio", "above 0 and at most 1; got 1000"),
        ({"threshold": -(10**5000)}, "threshold", "at most 4300 digits"),
        ({"sentences": -(10**5000)}, "sentences", "at most 4300 digits"),
        ({"sentences": 10**5000}, "sentences", "at most 4300 digits"),
        ({"words": np.True_}, "words", "whole number of at least 1; got np.True_"),
        ({"order": 10**5000}, "order", "at most 4300 digits"),
        ({"order": "rank"}, "order", "one of document, score; got 'rank'"),
        ({"kind": 3}, "kind", "kind must be a name; got 3"),
        ({"redundancy": None}, "redundancy", "one of none, trigram, mmr"),
        (
            {"sentences": 3, "words": 50},
            "words",
            "at most one of sentences, words, ratio, threshold; got sentences and words",
        ),
    ],
)
def test_an_impossible_option_is_refused_with_its_name_and_limit(options, field, message):
    with pytest.raises(InvalidOption) as caught:
        SummaryOptions(**options)
    assert caught.value.field == (field,)
    assert message in str(caught.value)


def test_the_ends_of_the_ranges_are_allowed():
    for options in ({"sentences": 1}, {"words": 1}, {"ratio": 1}, {"threshold": 0}, {"threshold": 1}):
        assert SummaryOptions(**options)


def test_a_count_from_numpy_is_as_good_as_python_s():
    options = SummaryOptions(sentences=np.int64(3))
    assert options == SummaryOptions(sentences=3)
    assert json.loads(json.dumps(asdict(options)))["sentences"] == 3
