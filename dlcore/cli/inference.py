"""Commands that ask a model: what is on pictures, what strokes draw, and how sure it may be."""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlcore.cli.answers import SUCCESS, Answer, table
from dlcore.data import OWN_IMAGES
from dlcore.messages import UserError


def predict_pictures(options: argparse.Namespace) -> Answer:
    """Say what is on pictures."""
    from dlcore.data.picture_reading import convert  # noqa: PLC0415
    from dlcore.inference.photo import image_to_digit, open_image  # noqa: PLC0415  # torch, only where it is needed
    from dlcore.inference.prediction import load_model, predict, predict_pictures  # noqa: PLC0415

    pictures = [open_image(path) for path in options.images]
    model = load_model(options.model_from)
    if model.dataset in ("cifar10", OWN_IMAGES):  # as the pictures were made that it has learned from
        images = [convert(picture, model.image_size, colour=model.channels == 3) for picture in pictures]
        answers = predict_pictures(model, np.stack(images))
    else:
        images = [image_to_digit(picture) for picture in pictures]
        answers = predict(model, np.stack(images))
    rows = [
        {
            "file": str(path),
            "prediction": int(probabilities.argmax()),
            "class_name": model.class_names[int(probabilities.argmax())],
            "probability": float(probabilities.max()),
            "probabilities": [float(probability) for probability in probabilities],
            "blank": not image.any(),
        }
        for path, image, probabilities in zip(options.images, images, answers, strict=True)
    ]
    lines = [
        f"{row['file']}: nothing is drawn there"
        if row["blank"]
        else f"{row['file']}: {row['class_name']} ({row['probability']:.1%})"
        for row in rows
    ]
    return (
        SUCCESS,
        {"model": model.source, "class_names": list(model.class_names), "predictions": rows},
        "\n".join(lines),
    )


def predict_strokes(options: argparse.Namespace) -> Answer:
    """Say what strokes draw."""
    drawings, labels = _read_drawings(options.file)

    from dlcore.inference.prediction import load_model, predict  # noqa: PLC0415  # torch, after the input was judged
    from dlcore.inference.sources import check_reads_drawings  # noqa: PLC0415
    from dlcore.inference.strokes import frame, framing_of  # noqa: PLC0415

    model = load_model(options.model_from)
    check_reads_drawings(model.dataset)
    framing = framing_of(model.dataset)
    images = np.stack([frame(drawing, framing=framing).image for drawing in drawings])
    predictions = [int(row.argmax()) for row in predict(model, images)]
    answer: dict[str, Any] = {
        "model": model.source,
        "class_names": list(model.class_names),
        "predictions": predictions,
        "count": len(predictions),
    }
    judged = [
        label in (index, model.class_names[index])
        for index, label in zip(predictions, labels, strict=True)
        if label is not None
    ]
    text = "\n".join(model.class_names[index] for index in predictions)
    if judged:
        answer |= {"labelled": len(judged), "correct": sum(judged), "accuracy": sum(judged) / len(judged)}
        text += f"\n{sum(judged)} of {len(judged)} are right: {answer['accuracy']:.2%}"
    return SUCCESS, answer, text


def _read_drawings(path: Path) -> tuple[list[list[NDArray[np.float64]]], list[int | str | None]]:
    """The drawings of a JSON-lines file as strokes, and their labels, None where a line has none."""
    from dlcore.inference.strokes import read_strokes  # noqa: PLC0415  # SciPy-free, but not free

    drawings: list[list[NDArray[np.float64]]] = []
    labels: list[int | str | None] = []
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                try:
                    drawing = json.loads(line)
                    drawings.append(read_strokes(drawing["strokes"]))
                    labels.append(drawing.get("label"))
                except (ValueError, KeyError, TypeError, RecursionError):
                    raise UserError(
                        'Line {number} of {file} must be a JSON object like {{"strokes": [[[x, y], ...], ...]}}.',
                        number=number,
                        file=path,
                    ) from None
                except UserError as error:
                    raise UserError(
                        "Line {number} of {file}: {reason}", number=number, file=path, reason=error
                    ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UserError("The file {file} cannot be read: {reason}.", file=path, reason=reason) from None
    if not drawings:
        raise UserError("The file {file} holds no drawing.", file=path)
    return drawings, labels


def calibrate_model(options: argparse.Namespace) -> Answer:
    """Compare how sure a model is with how often it is right."""
    from dlcore.inference.calibrate import calibrate  # noqa: PLC0415  # torch, after the input was judged
    from dlcore.inference.prediction import load_model  # noqa: PLC0415

    found = calibrate(load_model(options.model)).calibration
    answer = {
        "temperature": found.temperature,
        "images": found.images,
        "loss_before": found.loss_before,
        "loss_after": found.loss_after,
        "expected_calibration_error_before": found.error_before,
        "expected_calibration_error_after": found.error_after,
    }
    return SUCCESS, answer, table(answer)
