from pathlib import Path

import pytest

from service import ConfigError, ServiceConfig


def test_defaults_hold_without_any_variable():
    config = ServiceConfig.from_environment({"PATH": "/bin", "SUMMARIZER_MAX_SENTENCES": ""})
    assert config == ServiceConfig()
    assert config.limits == {"body_bytes": 1_048_576, "sentences": 5000}


def test_each_setting_is_read_from_its_variable():
    config = ServiceConfig.from_environment(
        {
            "SUMMARIZER_CHECKPOINT": "/models/ours",
            "SUMMARIZER_MAX_BODY_BYTES": "5",
            "SUMMARIZER_MAX_SENTENCES": "7",
        }
    )
    assert config == ServiceConfig(Path("/models/ours"), 5, 7)


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "٣", " 4", "1e3", "9" * 5000])
def test_a_count_that_is_none_is_refused_by_name_and_value(value):
    with pytest.raises(
        ConfigError, match="SUMMARIZER_MAX_SENTENCES must be a whole number of at least 1; got"
    ):
        ServiceConfig.from_environment({"SUMMARIZER_MAX_SENTENCES": value})


def test_an_unknown_setting_is_refused_with_the_likely_name():
    with pytest.raises(
        ConfigError, match="SUMMARIZER_MAX_BODY_BYTE is not a setting; did you mean SUMMARIZER_MAX_BODY_BYTES"
    ):
        ServiceConfig.from_environment({"SUMMARIZER_MAX_BODY_BYTE": "1"})
    with pytest.raises(ConfigError, match="SUMMARIZER_COLOUR is not a setting; known are"):
        ServiceConfig.from_environment({"SUMMARIZER_COLOUR": "1"})
