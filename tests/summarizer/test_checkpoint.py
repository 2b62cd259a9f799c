import json
import shutil
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from summarizer import (
    CheckpointDamaged,
    CheckpointNotFound,
    CheckpointUnsupported,
    Summarizer,
)
from summarizer import checkpoint as checkpoints
from summarizer.rarity import Rarity
from tests.tiny import make_checkpoint
from training.network import Network

TEXT = "The council cut the budget. The river is at the bridge! People said it was fire? A storm."


@pytest.fixture
def folder(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_checkpoint, tmp_path / "copy"))


def edit(folder: Path, **changes: object) -> None:
    file = folder / "config.json"
    config = json.loads(file.read_text())
    for name, value in changes.items():
        if value is None:
            del config[name]
        else:
            config[name] = value
    file.write_text(json.dumps(config))


def test_a_copy_gives_identical_scores_and_the_same_digest(summarizer, folder):
    copied = Summarizer.load(folder)
    assert copied.model == summarizer.model
    assert copied.evaluate(TEXT).as_dict() == summarizer.evaluate(TEXT).as_dict()


def test_loading_gives_back_what_was_saved(tiny_checkpoint):
    loaded = checkpoints.load(tiny_checkpoint)
    assert loaded.config.name == "tiny"
    assert loaded.config.training == {"seed": 1}
    assert loaded.metrics == {"test": {"rouge1": 12.5}}
    assert (tiny_checkpoint / "README.md").read_text() == "# tiny\n"
    assert not any(file.suffix in {".pt", ".pkl", ".bin"} for file in tiny_checkpoint.rglob("*"))


@pytest.mark.parametrize(
    "name",
    [
        "config.json",
        "metrics.json",
        "model.safetensors",
        "encoder/model.safetensors",
        "encoder/tokenizer.json",
    ],
)
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(CheckpointNotFound, match=name):
        checkpoints.load(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "encoder/model.safetensors", "encoder/tokenizer.json"])
@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_a_damaged_file_is_named_with_the_expected_and_the_found_digest(folder, name, damage):
    file = folder / name
    content = file.read_bytes()
    expected = json.loads((folder / "config.json").read_text())["files"][name]
    spoiled = {"cut": content[:-1], "flip": content[:-1] + bytes([content[-1] ^ 1]), "empty": b""}[damage]
    file.write_bytes(spoiled)
    with pytest.raises(CheckpointDamaged, match=f"{name}.*expected sha256 {expected}, found [0-9a-f]{{64}}"):
        checkpoints.load(folder)


@pytest.mark.parametrize("name", ["config.json", "metrics.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b"null"])
def test_json_that_is_none_is_named(folder, name, content):
    (folder / name).write_bytes(content)
    with pytest.raises(CheckpointDamaged, match=name):
        checkpoints.load(folder)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"format": 2}, CheckpointUnsupported, "expected format 1, found 2"),
        ({"format": None}, CheckpointUnsupported, "expected format 1, found None"),
        ({"surprise": 1}, CheckpointDamaged, "surprise"),
        ({"closeness": None}, CheckpointDamaged, "closeness"),
        ({"training": 5}, CheckpointDamaged, "training must be an object"),
        ({"model": None}, CheckpointDamaged, "model must be an object"),
        ({"model": {"dimension": 12, "depth": 3}}, CheckpointDamaged, "depth"),
        ({"model": {"dimension": -1}}, CheckpointDamaged, "dimension must be"),
        (
            {"model": {"dimension": 12, "width": 9}},
            CheckpointDamaged,
            r"tensor members.0.head.weight: expected \(1, 18\), found \(1, 16\)",
        ),
        ({"encoder": {"kind": "static"}}, CheckpointDamaged, "name"),
        (
            {"encoder": {"kind": "magic", "name": "x", "digest": "y"}},
            CheckpointDamaged,
            "kind must be one of",
        ),
        (
            {"encoder": {"kind": "static", "name": "x", "digest": "y"}},
            CheckpointUnsupported,
            "digest y; found x with digest",
        ),
        ({"files": {}}, CheckpointDamaged, "model.safetensors"),
        ({"name": 5}, CheckpointDamaged, "name must be a string; got 5"),
    ],
)
def test_a_config_that_describes_no_model_is_refused_by_field(folder, changes, error, message):
    edit(folder, **changes)
    with pytest.raises(error, match=message):
        checkpoints.load(folder)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CheckpointNotFound, match="nowhere"):
        Summarizer.load(tmp_path / "nowhere")


def test_a_shipped_encoder_cannot_be_swapped(tiny_checkpoint):
    with pytest.raises(CheckpointUnsupported, match="contains its own encoder; leave out"):
        Summarizer.load(tiny_checkpoint, encoder="some/other")


def test_saving_over_a_checkpoint_replaces_it_and_leaves_nothing_behind(tmp_path):
    first = make_checkpoint(tmp_path / "here")
    digest = checkpoints.load(first).sha256
    make_checkpoint(tmp_path / "here", width=4)
    assert checkpoints.load(tmp_path / "here").sha256 != digest
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["here", "here-encoder"]


def test_a_save_that_fails_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    first = make_checkpoint(tmp_path / "here")
    loaded = checkpoints.load(first)
    weights = Network(loaded.config.model).weights()
    with pytest.raises(OSError, match="nowhere"):
        checkpoints.save(
            first, loaded.config, weights, encoder_folder=tmp_path / "nowhere", rarity=loaded.rarity
        )
    assert checkpoints.load(first).sha256 == loaded.sha256
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["here", "here-encoder"]


def test_the_digest_depends_on_the_weights(tmp_path):
    first = checkpoints.load(make_checkpoint(tmp_path / "one"))
    weights = load_file(tmp_path / "one" / "model.safetensors")
    weights["members.0.head.bias"] += 1
    encoder_folder = tmp_path / "one" / "encoder"
    checkpoints.save(
        tmp_path / "two", first.config, weights, encoder_folder=encoder_folder, rarity=first.rarity
    )
    assert checkpoints.load(tmp_path / "two").sha256 != first.sha256


def test_the_digest_and_the_scores_depend_on_the_rarity(tmp_path):
    first = checkpoints.load(make_checkpoint(tmp_path / "one"))
    weights = load_file(tmp_path / "one" / "model.safetensors")
    encoder_folder = tmp_path / "one" / "encoder"
    with pytest.raises(ValueError, match="needs rarity"):
        checkpoints.save(tmp_path / "two", first.config, weights, encoder_folder=encoder_folder)
    assert not (tmp_path / "two").exists()
    common = Rarity(20, {"council": 20, "the": 3})
    checkpoints.save(tmp_path / "two", first.config, weights, encoder_folder=encoder_folder, rarity=common)
    second = checkpoints.load(tmp_path / "two")
    assert second.sha256 != first.sha256
    text = "The council met. The council cut the budget. The storm came. The storm left."
    scores = [[s.score for s in Summarizer(one).evaluate(text).sentences] for one in (first, second)]
    assert scores[0] != scores[1]


def test_a_checkpoint_from_before_there_were_rarity_and_typography_still_loads(tmp_path):
    folder = make_checkpoint(tmp_path / "old", rarity=False, typography=False)
    config = json.loads((folder / "config.json").read_text())
    assert not (folder / "rarity.json").exists()
    assert config["model"].pop("rarity") is False
    assert config["model"].pop("typography") is False
    (folder / "config.json").write_text(json.dumps(config))
    loaded = checkpoints.load(folder)
    assert loaded.rarity is None
    assert loaded.config.model.rarity is False
    assert loaded.config.model.typography is False
    assert len(Summarizer(loaded).evaluate("The council met. A storm came.").sentences) == 2
