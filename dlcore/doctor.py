"""What is installed and at hand, and what is missing."""

import os
import platform
import shutil
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from dlcore.data import DATASETS, OWN_IMAGES
from dlcore.data.availability import available, pen_strokes_file
from dlcore.data.own_images import count_sets
from dlcore.home import data_root, home
from dlcore.machine import cores
from dlcore.messages import UserError

PACKAGES = (
    "torch",
    "torchvision",
    "streamlit",
    "streamlit-drawable-canvas",
    "plotly",
    "pydantic",
    "numpy",
    "scikit-learn",
    "safetensors",
    "filelock",
    "pillow",
    "Babel",
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def examine() -> tuple[dict[str, Any], str]:
    """What was found, for programs and for people; ``healthy`` says that runs and drawings will work."""
    packages = {name: _version(name) for name in PACKAGES}
    model_problem = _bundled_model_problem()
    home_problem = _home_problem()
    browser = _browser()
    sets = count_sets()
    found: dict[str, Any] = {
        "healthy": None not in packages.values() and model_problem is None and home_problem is None,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": packages,
        "device": _device() if packages["torch"] else None,
        "cores": cores(),
        "home": str(home()),
        "home_writable": home_problem is None,
        "free_megabytes": _free_megabytes(),
        "data": str(data_root()),
        "datasets": {name: available(name) for name in DATASETS if name != OWN_IMAGES} | {OWN_IMAGES: sets > 0},
        "image_sets": sets,
        "browser": browser,
        "bundled_model": model_problem is None,
        "bundled_model_problem": model_problem,
    }
    lines = [f"Python {found['python']} on {found['platform']}, {found['cores']} cores, device {found['device']}"]
    lines += [
        _line(name, text is not None, text or "missing: pip install -r requirements.txt")
        for name, text in packages.items()
    ]
    lines.append(
        _line("home folder", home_problem is None, home_problem or f"{home()}, {found['free_megabytes']:,} MB free")
    )
    lines.append(_line("bundled model", model_problem is None, model_problem or "undamaged"))
    lines += [_line(f"dataset {name}", True, _dataset(name)) for name in DATASETS]
    lines.append(
        _line("browser", True, browser or "none found; only the browser tests need one (apt install chromium)")
    )
    return found, "\n".join(lines)


def _line(name: str, good: bool, text: str) -> str:
    return f"{'ok ' if good else 'BAD'} {name:<26} {text}"


def _dataset(name: str) -> str:
    """Whether a dataset is at hand; if not, what is missing and how to get it."""
    if name == OWN_IMAGES:
        count = count_sets()
        return f"{count} sets at hand" if count else "none brought yet: python -m dlcore images FOLDER_OR_ZIP"
    if available(name):
        return "at hand"
    if name != "mnist-pen":
        return f"will be downloaded when first used, {DATASETS[name].download_megabytes:g} MB"
    missing = "" if available("mnist") else "MNIST (downloaded when first used); "
    if not pen_strokes_file().is_file():
        missing += f"{pen_strokes_file()}, which cannot be downloaded (CONTRIBUTING.md says how to make it)"
    return f"missing: {missing.removesuffix('; ')}"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _device() -> str:
    from dlcore.training.state import pick_device  # noqa: PLC0415  # torch, which may be what is missing

    return pick_device("auto").type


def _free_megabytes() -> int:
    existing = next(folder for folder in (home(), *home().parents) if folder.is_dir())
    return shutil.disk_usage(existing).free // 1_000_000


def _home_problem() -> str | None:
    try:
        home().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home()):
            return None
    except OSError as error:
        return f"{home()} cannot be written ({error.strerror}): set DLCORE_HOME to a folder that can"


def _bundled_model_problem() -> str | None:
    if not _version("torch"):
        return "not examined, because torch is missing"
    from dlcore.inference.prediction import load_model  # noqa: PLC0415

    try:
        load_model()  # reading it compares the SHA-256 stored inside
    except UserError as error:
        return str(error)
    return None


def _browser() -> str | None:
    configured = os.environ.get("CHROMIUM")
    if configured and Path(configured).is_file():
        return configured
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)
