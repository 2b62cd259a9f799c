from pathlib import Path

import pytest

from service import ConfigError, ServiceConfig


def test_without_variables_the_defaults_apply():
    config = ServiceConfig.from_environment({"PATH": "/bin", "SUMMARIZER_MAX_SENTENCES": ""})
    assert config == ServiceConfig()
    assert config.limits == {"body_bytes": 1_048_576, "sentences": 5000, "articles": 64, "seconds": 30}


def test_a_batch_of_the_largest_size_leaves_room_for_others():
    config = ServiceConfig()
    assert config.queue_articles >= 4 * config.max_articles


def test_each_setting_is_read_from_its_variable(tmp_path):
    config = ServiceConfig.from_environment(
        {
            "SUMMARIZER_CHECKPOINT": "/models/ours",
            "SUMMARIZER_MAX_BODY_BYTES": "5",
            "SUMMARIZER_MAX_SENTENCES": "7",
            "SUMMARIZER_MAX_ARTICLES": "8",
            "SUMMARIZER_DEADLINE_SECONDS": "9",
            "SUMMARIZER_READ_SECONDS": "12",
            "SUMMARIZER_QUEUE_ARTICLES": "10",
            "SUMMARIZER_BATCH_SENTENCES": "11",
            "SUMMARIZER_BATCH_WAIT_MS": "0",
            "SUMMARIZER_CACHE_BYTES": "0",
            "SUMMARIZER_API_KEYS": "one, two\nthree,",
            "SUMMARIZER_API_KEYS_FILE": "/keys",
            "SUMMARIZER_RATE_LIMIT": "60/minute",
            "SUMMARIZER_CORS_ORIGINS": "https://a.example https://b.example",
            "SUMMARIZER_METRICS": "off",
            "SUMMARIZER_LOG_LEVEL": "WARNING",
        }
    )
    assert config == ServiceConfig(
        checkpoint=Path("/models/ours"),
        max_body_bytes=5,
        max_sentences=7,
        max_articles=8,
        deadline_seconds=9,
        read_seconds=12,
        queue_articles=10,
        batch_sentences=11,
        batch_wait_ms=0,
        cache_bytes=0,
        api_keys=("one", "two", "three"),
        api_keys_file=Path("/keys"),
        rate_limit="60/minute",
        cors_origins=("https://a.example", "https://b.example"),
        metrics=False,
        log_level="warning",
    )


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("CACHE_BYTES", "-1", "must be a whole number from 0 to 1000000000000; got '-1'"),
        ("DEADLINE_SECONDS", "10000000000", "must be a whole number from 1 to 86400; got '10000000000'"),
        ("BATCH_WAIT_MS", "60001", "must be a whole number from 0 to 60000; got '60001'"),
        ("API_KEYS", " , ", "contains only separators; leave it empty for none"),
        ("CORS_ORIGINS", ",", "contains only separators"),
        ("METRICS", "perhaps", "must be one of 1, 0, true, false, yes, no, on, off; got 'perhaps'"),
        ("LOG_LEVEL", "loud", "must be one of debug, info, warning, error, critical; got 'loud'"),
    ],
)
def test_an_impossible_value_is_refused_with_the_possible_ones(name, value, message):
    with pytest.raises(ConfigError, match=f"SUMMARIZER_{name} {message}"):
        ServiceConfig.from_environment({f"SUMMARIZER_{name}": value})


@pytest.mark.parametrize(
    "origin",
    [
        "https://*.example.com",
        "https://news.example/",
        "news.example",
        "https://(a|b).example",
        "null",
        "**",
        "https://news.example:443",
        "http://news.example:80",
    ],
)
def test_an_origin_that_no_browser_sends_is_refused_and_never_used_as_a_pattern(origin):
    with pytest.raises(ConfigError, match=r"SUMMARIZER_CORS_ORIGINS must be [*] for all, or origins"):
        ServiceConfig.from_environment({"SUMMARIZER_CORS_ORIGINS": f"https://a.example,{origin}"})


def test_origins_with_ports_and_other_schemes_are_accepted():
    origins = "http://localhost:3000 https://a.example,moz-extension://1b2c *"
    config = ServiceConfig.from_environment({"SUMMARIZER_CORS_ORIGINS": origins})
    assert config.cors_origins == (
        "http://localhost:3000",
        "https://a.example",
        "moz-extension://1b2c",
        "*",
    )


def test_keys_come_from_the_variable_and_the_file_together_and_are_never_shown(tmp_path):
    file = tmp_path / "keys"
    file.write_text("second-secret\nthird-secret\n\n")
    config = ServiceConfig(api_keys=("first-secret",), api_keys_file=file)
    assert config.read_api_keys() == {"first-secret", "second-secret", "third-secret"}
    assert "secret" not in repr(config)
    assert ServiceConfig().read_api_keys() == frozenset()


@pytest.mark.parametrize("content", [None, b"", b" \n", b"secret \xff"])
def test_a_key_file_without_keys_is_refused_by_name_without_its_content(tmp_path, content):
    file = tmp_path / "keys"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=f"SUMMARIZER_API_KEYS_FILE: {file}") as refused:
        ServiceConfig(api_keys_file=file).read_api_keys()
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "٣", " 4", "1e3", "9" * 5000])
def test_an_invalid_count_is_refused_by_name_and_value(value):
    with pytest.raises(
        ConfigError, match="SUMMARIZER_MAX_SENTENCES must be a whole number from 1 to 1000000000000; got"
    ):
        ServiceConfig.from_environment({"SUMMARIZER_MAX_SENTENCES": value})


def test_an_unknown_setting_is_refused_with_the_likely_name():
    with pytest.raises(
        ConfigError, match="SUMMARIZER_MAX_BODY_BYTE is not a setting; did you mean SUMMARIZER_MAX_BODY_BYTES"
    ):
        ServiceConfig.from_environment({"SUMMARIZER_MAX_BODY_BYTE": "1"})
    with pytest.raises(ConfigError, match="SUMMARIZER_COLOUR is not a setting; the settings are:"):
        ServiceConfig.from_environment({"SUMMARIZER_COLOUR": "1"})
