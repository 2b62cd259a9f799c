import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.config import (
    PRESETS,
    ConfigError,
    as_toml,
    as_values,
    preset,
    read_run,
    run_config,
    settings,
)

MODEL = {
    "width": st.integers(1, 99),
    "cell": st.sampled_from(["lstm", "gru"]),
    "bidirectional": st.booleans(),
}
FIT = {
    "epochs": st.integers(1, 99),
    "learning_rate": st.floats(1e-6, 1),
    "seed": st.integers(0, 2**32 - 1),
    "device": st.text(max_size=20),
}
TABLES = {
    "name": st.text(max_size=20),
    "closeness": st.sampled_from(["blend", "lexical", "0.7*oracle+0.3*alignment"]),
    "model": st.fixed_dictionaries({}, optional=MODEL),
    "fit": st.fixed_dictionaries({}, optional=FIT),
}


def test_every_field_has_a_description_that_ends_as_a_sentence():
    for setting in settings():
        assert setting.description.endswith("."), setting
        assert setting.description[0].isupper(), setting


@given(st.fixed_dictionaries({}, optional=TABLES))
def test_a_run_that_is_written_is_read_back_the_same(values):
    run = run_config(values)
    assert run_config(tomllib.loads(as_toml(run))) == run
    assert run_config(as_values(run)) == run


def test_the_file_holds_every_setting_with_its_description():
    text = as_toml(run_config({}))
    for setting in settings():
        assert f"\n{setting.name} = " in text
        assert setting.description.split()[0] in text


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 3}, r"run: epochs is not a setting; the settings are: name, version, closeness"),
        ({"fit": {"epoch": 3}}, r"run: \[fit\] epoch is not a setting; the settings are: seed, .*epochs"),
        ({"model": {"dimension": 3}}, r"run: \[model\] dimension is not a setting"),
        ({"fit": {"epochs": "3"}}, r"run: \[fit\] epochs must be a whole number; got '3'"),
        ({"fit": {"epochs": True}}, r"\[fit\] epochs must be a whole number; got True"),
        ({"fit": {"epochs": 0}}, "epochs must be at least 1; got 0"),
        ({"fit": {"learning_rate": 0}}, "learning_rate must be finite and above 0; got 0"),
        ({"fit": {"learning_rate": float("inf")}}, "learning_rate must be finite and above 0; got inf"),
        ({"fit": {"learning_rate": float("nan")}}, "learning_rate must be finite and above 0; got nan"),
        ({"fit": {"warmup": 1}}, "warmup must be from 0 to 1"),
        ({"fit": {"l1": -1.0}}, "l1 must be finite and at least 0; got -1.0"),
        ({"fit": {"seed": -1}}, "seed must be from 0"),
        ({"fit": {"seed": 2**32 - 1, "restarts": 2}}, "seed must be from 0 to 4294967294.*restarts = 2"),
        ({"fit": {"loss": "hinge"}}, r"\[fit\] loss must be one of bce, mae, mse, ranking; got 'hinge'"),
        ({"fit": {"weights": "bbc=often"}}, "weights must name each source once .* got 'bbc=often'"),
        ({"fit": {"weights": "bbc=1,bbc=2"}}, "weights must name each source once"),
        ({"fit": {"weights": "bbc=-1"}}, "with a number of at least 0"),
        ({"fit": 3}, "run: fit must be a table; got 3"),
        ({"model": [{"width": 3}]}, "run: model must be a table"),
        ({"model": {"width": 0}}, "width must be a whole number of at least 1"),
        ({"model": {"bidirectional": 1}}, r"\[model\] bidirectional must be true or false; got 1"),
        ({"model": {"activation": "linear"}}, "activation 'linear' goes with loss mae or mse; got 'bce'"),
        ({"closeness": "vibes"}, "vibes"),
        ({"name": ["a"]}, "name must be a string"),
    ],
)
def test_an_unknown_or_impossible_setting_is_refused_by_name(values, message):
    with pytest.raises(ConfigError, match=message):
        run_config(values)


@pytest.mark.parametrize("content", [b"a = ", b"\xff", b"fit = { epochs = 1"])
def test_a_file_that_is_not_toml_is_refused_by_name(tmp_path, content):
    (tmp_path / "run.toml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"run\.toml is not a readable TOML file"):
        read_run(tmp_path / "run.toml")
    with pytest.raises(ConfigError, match=r"missing\.toml is not a readable TOML file"):
        read_run(tmp_path / "missing.toml")


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_sound(name):
    run_config(preset(name), name)


def test_the_sketch_is_the_original_recipe():
    run = run_config(preset("sketch"))
    assert (run.model.cell, run.model.width, run.model.layers, run.model.bidirectional) == (
        "lstm",
        512,
        1,
        False,
    )
    assert (run.model.dropout_inputs, run.model.dropout_recurrent) == (0.3, 0.3)
    assert (run.model.activation, run.model.position_features) == ("linear", False)
    assert (run.fit.loss, run.fit.optimizer) == ("mae", "rmsprop")
