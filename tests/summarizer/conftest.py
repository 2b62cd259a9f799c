from collections.abc import Iterator

import pytest

from summarizer import compiled


@pytest.fixture(scope="module", params=["compiled", "NumPy"])
def both_ways(request: pytest.FixtureRequest) -> Iterator[None]:
    """Runs a test, or what a module-wide fixture builds, with the compiled kernels and without."""
    if request.param == "compiled" and compiled.kernels is None:
        pytest.skip("the kernels are not compiled; install a C compiler and the project again")
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "NumPy":
            patch.setattr(compiled, "kernels", None)
        yield
