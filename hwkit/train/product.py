"""The dtype of matrix products that suits a machine."""

from __future__ import annotations

from pathlib import Path

import torch


def product_dtype(products: str, device: str) -> torch.dtype:
    """The dtype of matrix products; `auto` is bfloat16 where the device multiplies it natively."""
    if products != "auto":
        return torch.bfloat16 if products == "bfloat16" else torch.float32
    if device.startswith("cuda"):
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    capable = torch.backends.cpu.get_cpu_capability() == "AVX512" and _has_bfloat16()
    return torch.bfloat16 if capable else torch.float32


def _has_bfloat16() -> bool:
    try:
        return "avx512_bf16" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
