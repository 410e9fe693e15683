"""The one place that imports torchvision."""

from functools import cache
from types import ModuleType

import torch


@cache
def _declare_missing_operators() -> torch.library.Library:
    """Name the two compiled operators that torchvision describes when it is imported.

    The declarations last as long as the returned object, which the cache keeps.
    """
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")  # type: ignore[no-untyped-call]
    return library


def torchvision_datasets() -> ModuleType:
    """The module ``torchvision.datasets``.

    A CPU-only torch beside the registry's torchvision, which is built for CUDA, cannot load torchvision's compiled
    operators, and the plain import fails with ``operator torchvision::nms does not exist``. Datasets use none of
    those operators, so declaring them is enough.
    """
    try:
        import torchvision.datasets  # noqa: PLC0415  # slow, and only the downloadable datasets need it
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        _declare_missing_operators()
        import torchvision.datasets  # noqa: PLC0415
    module: ModuleType = torchvision.datasets
    return module
