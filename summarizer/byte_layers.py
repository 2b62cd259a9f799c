"""Linear layers that multiply bytes instead of floats, for processors that do four times as many of them.

Each row of a layer's input (a token) and each row of its weights gets a scale of its own, so that what is
computed for a token does not depend on the tokens beside it: "vector-wise quantization" in Dettmers et al.
(2022), arXiv 2208.07339. The sums of products are exact; everything between the layers stays in floats.
"""

from typing import TYPE_CHECKING, cast

from summarizer import compiled
from summarizer.compiled import WIDEST, Kernels

if TYPE_CHECKING:
    import torch

LARGEST = 127


def multiplies_bytes_fast() -> bool:
    """Whether bytes are worth it here: AVX-512 VNNI, PyTorch with oneDNN, and our compiled kernels.

    Without the kernels, PyTorch would take several passes to quantize an input, and lose much of the gain.
    """
    import torch

    get_capabilities = getattr(torch.cpu, "get_capabilities", None)  # not in older versions
    has_vnni = get_capabilities is not None and get_capabilities().get("avx512_vnni", False)
    has_onednn: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return bool(has_vnni) and has_onednn and compiled.kernels is not None


class ByteLinear:
    """What a linear layer computes at inference, in bytes.

    Needs our compiled kernels.

    :param layer: in float32 on a CPU.
    """

    def __init__(self, layer: "torch.nn.Linear") -> None:
        import torch

        weights = layer.weight.detach()
        scales = weights.abs().amax(dim=1) / LARGEST
        rounded = (weights / scales.clamp(min=torch.finfo(torch.float32).tiny).unsqueeze(1)).round()
        self._weights = rounded.to(torch.int8).t()
        self._scales = scales.numpy()
        biases = torch.zeros(layer.out_features) if layer.bias is None else layer.bias.detach()
        self._biases = biases.contiguous().numpy()

    def __call__(self, inputs: "torch.Tensor") -> "torch.Tensor":
        """From shape (..., inputs of the layer) to (..., outputs of the layer), float32."""
        import torch

        kernels = cast(Kernels, compiled.kernels)  # no attribute: a model can be copied, a module cannot
        count, width = inputs.numel() // inputs.shape[-1], inputs.shape[-1]
        rows = torch.empty((count, width), dtype=torch.int8)
        scales = torch.empty(count)
        kernels.quantize_rows(WIDEST, width, inputs.contiguous().numpy(), rows.numpy(), scales.numpy())
        sums = torch._int_mm(rows, self._weights)
        outputs = torch.empty((*inputs.shape[:-1], sums.shape[1]))
        kernels.rescale_rows(
            WIDEST, sums.numpy(), scales.numpy(), self._scales, self._biases, outputs.numpy()
        )
        return outputs


def use_bytes(model: "torch.nn.Module") -> None:
    """Let all linear layers of a model compute in bytes, where :func:`multiplies_bytes_fast`.

    Their parameters stay as they are.
    """
    import torch

    if compiled.kernels is None:
        return
    for layer in model.modules():
        if type(layer) is torch.nn.Linear and layer.weight.dtype == torch.float32:
            layer.forward = ByteLinear(layer)  # type: ignore[method-assign, assignment]


def use_floats(model: "torch.nn.Module") -> None:
    """Undo :func:`use_bytes`."""
    for layer in model.modules():
        if isinstance(layer.__dict__.get("forward"), ByteLinear):
            del layer.forward
