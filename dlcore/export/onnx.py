"""What a run has learned, as ONNX."""

import logging
import warnings
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn

from dlcore.data.normalization import normalize
from dlcore.export.files import weights
from dlcore.messages import N_, UserError
from dlcore.runs.directory import Run
from dlcore.training.checkpoints import load_weights

_TOLERANCE = 1e-5


class _FromBytes(nn.Module):
    """The network with the normalisation before it, so that nobody has to know its constants."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Images uint8 (B, C, H, W) to log-probabilities (B, classes)."""
        result: Tensor = self.network(normalize(images))
        return result


def to_onnx(run: Run) -> bytes:
    """An ONNX model with the input ``images``, uint8 (B, C, H, W), any B, and the output ``log_probabilities`` (B, K).

    Raises:
        UserError: the run has no weights, or the model answers otherwise than the network.
    """
    network, about = load_weights(weights(run))
    size = int(about["image_size"])
    example = torch.zeros(2, int(about["channels"]), size, size, dtype=torch.uint8)
    model = _FromBytes(network.to(memory_format=torch.contiguous_format)).eval()  # type: ignore[call-overload]
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():  # of the exporter, about itself
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            model,
            (example,),
            dynamo=True,
            verbose=False,
            input_names=["images"],
            output_names=["log_probabilities"],
            dynamic_shapes={"images": {0: torch.export.Dim("batch", min=1)}},
        )
        assert program is not None
        with TemporaryDirectory() as folder:
            program.save(str(Path(folder) / "model.onnx"))
            made = (Path(folder) / "model.onnx").read_bytes()
    _check(made, model, example)
    return made


def _check(made: bytes, model: nn.Module, example: Tensor) -> None:
    """Hold the file against the network it was made from, where onnxruntime is installed.

    Raises:
        UserError: their answers are further apart than 1e-5.
    """
    if find_spec("onnxruntime") is None:
        return
    import onnxruntime  # noqa: PLC0415  # an extra dependency

    images = torch.randint(0, 256, (3, *example.shape[1:]), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    with torch.inference_mode():
        expected = model(images)
    session = onnxruntime.InferenceSession(made, providers=["CPUExecutionProvider"])
    answered = torch.from_numpy(session.run(None, {"images": images.numpy()})[0])
    if not torch.allclose(answered, expected, rtol=_TOLERANCE, atol=_TOLERANCE):
        apart = (answered - expected).abs().max().item()
        raise UserError(
            N_("The ONNX model answers otherwise than the network, by {apart}: it was not written."),
            apart=f"{apart:.2g}",
        )
