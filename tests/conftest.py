from pathlib import Path

import pytest

from summarizer import Summarizer
from tests.tiny import make_checkpoint


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("checkpoints") / "tiny")


@pytest.fixture(scope="session")
def summarizer(tiny_checkpoint: Path) -> Summarizer:
    return Summarizer.load(tiny_checkpoint)
