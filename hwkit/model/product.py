"""Matrix products with weights that stay the same for a whole sequence."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def packed(weight: Tensor, rows: int) -> Callable[[Tensor], Tensor]:
    """x (rows, N) -> x @ weight.T (rows, M), for a weight (M, N).

    In bfloat16 on a processor oneDNN would lay the weight out anew for each product, which costs as
    much as a third of it; here that is done once. Both ways round to the same numbers.
    """
    if weight.dtype == torch.bfloat16 and weight.device.type == "cpu" and lays_out():
        ops = torch.ops.mkldnn
        laid_out = ops._reorder_linear_weight(weight.contiguous(), rows)
        return lambda x: ops._linear_pointwise(x, laid_out, None, "none", [], "")
    transposed = weight.T
    return lambda x: x @ transposed


def lays_out() -> bool:
    """Whether oneDNN is there and takes bfloat16 on this processor; it refuses where there is no AVX-512."""
    return torch._C._has_mkldnn and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
