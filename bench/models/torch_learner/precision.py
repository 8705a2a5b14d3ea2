"""What float32 means on a GPU: IEEE, or TensorFloat-32 inside matrix products (10 bits of mantissa)."""

from __future__ import annotations

from typing import Any

import torch


def use_precision(precision: str) -> None:
    """Set for this process how cuDNN and cuBLAS multiply float32: TF32 for "tf32" and for nothing else.

    torch's own default is TF32 in cuDNN, where a recurrent layer runs, and IEEE in cuBLAS.
    """
    backends: Any = torch.backends
    # torch 2.9 named these settings anew (`fp32_precision`). Setting them by their old names keeps both views in step;
    # after the new ones, reading an old one raises, which `torch.compile` and `cudnn.flags()` in a plug-in do.
    backends.cudnn.allow_tf32 = backends.cuda.matmul.allow_tf32 = precision == "tf32"
