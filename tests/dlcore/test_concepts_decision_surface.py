import base64
import json
from pathlib import Path

import numpy as np
import pytest

from dlcore.concepts.decision_surface import record

COMMITTED = json.loads((Path(__file__).resolve().parents[2] / "content" / "learning.json").read_text(encoding="utf-8"))


def test_the_recording_on_the_home_page_is_what_the_code_produces():
    fresh = record()
    assert fresh.epochs == COMMITTED["epochs"]
    assert fresh.points == COMMITTED["points"]
    # Another processor may add in another order: the first frames agree closely, the result in what it shows.
    assert fresh.losses[0] == pytest.approx(COMMITTED["losses"][0], abs=1e-3)
    assert fresh.accuracies[-1] == COMMITTED["accuracies"][-1] == 1.0


def test_the_network_starts_ignorant_and_every_frame_is_there():
    assert COMMITTED["losses"][0] == pytest.approx(np.log(2), abs=0.02)
    frames, grid = len(COMMITTED["epochs"]), COMMITTED["grid"]
    surfaces = np.frombuffer(base64.b64decode(COMMITTED["surfaces"]), np.uint8).reshape(frames, grid, grid)
    assert len(COMMITTED["losses"]) == len(COMMITTED["accuracies"]) == frames

    # The last surface answers each point as labelled: rows are y, columns x, both from -extent up.
    cell = 2 * COMMITTED["extent"] / (grid - 1)
    columns, rows = np.rint((np.array(COMMITTED["points"]) + COMMITTED["extent"]) / cell).astype(int).T
    agreement = (surfaces[-1, rows, columns] > 127) == np.array(COMMITTED["labels"], bool)
    assert agreement.mean() > 0.97


def test_the_same_seed_gives_the_same_recording_and_another_does_not():
    small = {"count": 40, "epochs": 5, "frames": 3, "grid": 6}
    assert record(seed=1, **small) == record(seed=1, **small)
    assert record(seed=1, **small) != record(seed=2, **small)
