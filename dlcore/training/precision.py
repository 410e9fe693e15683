"""Mixed precision: products in bfloat16, everything that sums and remembers in float32."""

from contextlib import AbstractContextManager, nullcontext

import torch


def is_mixed(precision: str, device: torch.device) -> bool:
    """Whether ``precision`` means mixed on ``device``.

    ``mixed`` does so where the hardware multiplies bfloat16 by itself, for anywhere else it is slower; ``auto`` only on
    such a GPU, because there it costs no accuracy and gains most; ``float32`` never.
    """
    if precision == "float32" or device.type == "mps":
        return False
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return precision == "mixed" and bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def prepare_kernels(precision: str, device: torch.device) -> None:
    """Let the kernels of ``device`` give the same numbers each time, and ``float32`` mean all of its digits; for this process.

    cuDNN would choose among convolutions whose sums differ from call to call, and multiply float32 with ten bits of its
    mantissa (TF32). Where windows of max-pooling overlap, CUDA adds their gradients in any order all the same.
    """
    if device.type == "cuda":
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.conv.fp32_precision = "ieee" if precision == "float32" else "tf32"  # type: ignore[attr-defined]


def arithmetic(device: torch.device, *, mixed: bool) -> AbstractContextManager[object]:
    """Within the block, convolutions and linear layers take bfloat16 if ``mixed``; weights and gradients stay float32.

    bfloat16 has the range of float32, so no loss has to be scaled. Sources: Micikevicius et al., "Mixed Precision
    Training" (2018); Kalamkar et al., "A Study of BFLOAT16 for Deep Learning Training" (2019).
    """
    return torch.autocast(device.type, dtype=torch.bfloat16) if mixed else nullcontext()
