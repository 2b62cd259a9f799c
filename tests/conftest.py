from pathlib import Path

import pytest
import torch
from hypothesis import settings

from summarizer import Summarizer
from tests.tiny import make_checkpoint

# How long an example takes says more of what else the machine does than of the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """On a busy machine, two threads that wait for each other make tiny networks a hundred times slower."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("checkpoints") / "tiny")


@pytest.fixture(scope="session")
def kinds_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that tells two kinds of text apart."""
    return make_checkpoint(tmp_path_factory.mktemp("checkpoints") / "kinds", kinds=("news", "paper"))


@pytest.fixture(scope="session")
def summarizer(tiny_checkpoint: Path) -> Summarizer:
    return Summarizer.load(tiny_checkpoint)
