"""Linear layers in bytes, beside PyTorch's own in float32."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from summarizer import byte_layers, compiled
from summarizer.byte_layers import ByteLinear, multiplies_bytes_fast, use_bytes, use_floats

needs_kernels = pytest.mark.skipif(compiled.kernels is None, reason="the kernels are not compiled")


def linear(*, bias: bool = True) -> torch.nn.Linear:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return torch.nn.Linear(48, 20, bias=bias)


def in_bytes(layer: torch.nn.Linear) -> ByteLinear:
    return ByteLinear(layer)


def random_inputs(*shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(size=shape).astype(np.float32))


@needs_kernels
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(0, 48), (1, 48), (5, 48), (1, 40, 48), (2, 3, 48), (2, 0, 48)])
def test_outputs_have_the_shape_and_nearly_the_numbers_of_the_layer(shape, bias):
    layer, inputs = linear(bias=bias), random_inputs(*shape)
    with torch.inference_mode():
        found, expected = in_bytes(layer)(inputs), layer(inputs)
    assert found.shape == expected.shape
    # Both factors of 48 products are off by up to half a step, which cancels for the most part.
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.03)


@needs_kernels
def test_every_row_of_weights_and_of_inputs_has_a_scale_of_its_own():
    layer, inputs = linear(bias=False), random_inputs(5, 48)
    with torch.inference_mode():
        layer.weight *= torch.logspace(-6, 6, 20).unsqueeze(1)
        inputs *= torch.logspace(-3, 3, 5).unsqueeze(1)
        found, expected = in_bytes(layer)(inputs), layer(inputs)
        sizes = inputs.norm(dim=1, keepdim=True) * layer.weight.norm(dim=1)
    assert float(((found - expected).abs() / sizes).max()) < 0.01


@needs_kernels
def test_inputs_with_gaps_are_read_as_they_are_seen():
    layer, inputs = in_bytes(linear()), random_inputs(48, 7)
    with torch.inference_mode():
        assert torch.equal(layer(inputs.t()), layer(inputs.t().contiguous()))


@needs_kernels
@given(st.lists(st.floats(0.001, 1000), min_size=1, max_size=40))
def test_a_row_gives_the_same_in_any_company(spreads):
    layer, inputs = in_bytes(linear()), random_inputs(len(spreads), 48)
    inputs *= torch.tensor(spreads).unsqueeze(1)
    with torch.inference_mode():
        together = layer(inputs)
        for row, alone in zip(together, inputs, strict=True):
            assert torch.equal(row, layer(alone.unsqueeze(0))[0])


@needs_kernels
def test_zeros_among_inputs_and_weights_are_exact():
    layer = linear()
    with torch.inference_mode():
        layer.weight[3] = 0
        found = in_bytes(layer)(torch.cat([torch.zeros(1, 48), random_inputs(1, 48)]))
        assert torch.equal(found[0], layer.bias)
        assert found[1, 3] == layer.bias[3]


@needs_kernels
def test_a_changed_model_can_be_copied():
    model = torch.nn.Sequential(linear())
    use_bytes(model)
    with torch.inference_mode():
        inputs = random_inputs(9, 48)
        assert torch.equal(deepcopy(model)(inputs), model(inputs))


@needs_kernels
def test_a_model_is_changed_as_a_whole_and_back():
    model = torch.nn.Sequential(linear(), torch.nn.Tanh(), torch.nn.Linear(20, 3))
    inputs = random_inputs(9, 48)
    with torch.inference_mode():
        before = model(inputs)
        use_bytes(model)
        changed = model(inputs)
        use_floats(model)
        assert not torch.equal(before, changed)
        np.testing.assert_allclose(before, changed, rtol=0, atol=0.05)
        assert torch.equal(model(inputs), before)


class Scaled(torch.nn.Linear):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(inputs)


def test_layers_of_other_types_are_left_alone():
    model = torch.nn.Sequential(linear().to(torch.float64), torch.nn.Bilinear(2, 2, 2), Scaled(2, 2))
    use_bytes(model)
    assert all("forward" not in vars(module) for module in model.modules())


def test_without_kernels_or_the_instructions_nothing_is_done_in_bytes(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(compiled, "kernels", None)
        assert not multiplies_bytes_fast()
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_vnni": False}, raising=False)
    assert not byte_layers.multiplies_bytes_fast()
