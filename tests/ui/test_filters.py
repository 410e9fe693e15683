"""The first layer's kernels, read from a file of weights without torch."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from dlcore.training.compact import packed, unpacked
from ui.concepts.filters import first_layer, first_layers

WEIGHTS = {"fc.weight": torch.ones(2, 3), "conv.weight": torch.randn(4, 1, 3, 3, generator=torch.manual_seed(0))}


@pytest.mark.parametrize("stored", [WEIGHTS, packed(WEIGHTS)], ids=["whole", "packed"])
def test_kernels_are_what_the_network_multiplies_with(stored, tmp_path):
    save_file(stored, tmp_path / "model.safetensors")
    found = np.array(first_layer(tmp_path / "model.safetensors"))
    expected = unpacked(stored, WEIGHTS)["conv.weight"][:, 0].numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("scale", [None, torch.ones(3), torch.ones(4, 1)])
def test_integers_without_their_steps_are_no_kernels(scale, tmp_path):
    stored = packed(WEIGHTS)
    del stored["conv.weight.scale"]
    if scale is not None:
        stored["conv.weight.scale"] = scale
    save_file(stored, tmp_path / "model.safetensors")
    assert first_layer(tmp_path / "model.safetensors") == []


def test_of_two_branches_that_is_shown_which_sees_the_image_as_it_is(tmp_path):
    stored = {
        f"branches.{name}.stem.0.weight": torch.full((2, 1, 3, 3), value)
        for name, value in (("deskewed", 2.0), ("plain", 1.0))
    }
    save_file(stored, tmp_path / "model.safetensors")
    assert (np.array(first_layer(tmp_path / "model.safetensors")) == 1).all()
    assert np.array(first_layers(tmp_path / "model.safetensors"))[:, 0, 0, 0].tolist() == [1, 2]
