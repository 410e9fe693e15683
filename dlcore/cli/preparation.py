"""Commands before a run: own images, a look at the data, a rehearsal, and what this machine has."""

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from dlcore.cli.answers import FAILURE, SUCCESS, Answer, say, table
from dlcore.config import KNOBS, TrainConfig
from dlcore.messages import UserError
from dlcore.preview import FIELDS as PREVIEW_FIELDS

if TYPE_CHECKING:
    from dlcore.data.own_images import ImageSet


def check_resources(options: argparse.Namespace) -> Answer:
    """Look at the catalogue of resources."""
    from dlcore.resources.command import check  # noqa: PLC0415  # other commands start without the catalogue

    sound, answer, text = check(options)
    return (SUCCESS if sound else FAILURE), answer, text


def resource_schema(_: argparse.Namespace) -> Answer:
    """The schema of an entry of the catalogue."""
    from dlcore.resources.schema import entry_schema  # noqa: PLC0415

    schema = entry_schema()
    return SUCCESS, schema, json.dumps(schema, indent=1, ensure_ascii=False)


def make_images(options: argparse.Namespace) -> Answer:
    """Make a set of own images, or list the sets."""
    from dlcore.data import own_images, picture_import, picture_sources  # noqa: PLC0415  # only where it is needed

    if options.source is None:
        sets = own_images.list_sets("")
        rows = [_about_set(one) for one in sets]
        lines = [
            f"{row['id']}  {row['name']}: {len(row['class_names'])} classes, {row['pictures']:,} pictures"
            for row in rows
        ]
        return SUCCESS, {"sets": rows}, "\n".join(lines) or "There is no set yet: python -m dlcore images FOLDER_OR_ZIP"
    limit = own_images.limits()
    listing = picture_sources.from_folder if options.source.is_dir() else picture_sources.from_zip
    if not options.source.exists():
        raise UserError("There is no folder or zip file {file}.", file=options.source)
    with listing(options.source, limit) as (entries, skipped):
        importing = picture_import.import_pictures(
            entries,
            size=options.size,
            colour=options.colour,
            name=options.name or options.source.resolve().stem,
            owner=own_images.EVERYONE if options.share else "",
            limit=limit,
            skipped=skipped,
        )
        while True:
            try:
                progress = next(importing)
            except StopIteration as done:
                found: own_images.ImageSet = done.value
                break
            if sys.stderr.isatty():
                print(f"\r\x1b[K{progress.done} of {progress.total} files", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        say("\r\x1b[K")
    answer = _about_set(found)
    for one in found.record.skipped:
        say(f"skipped {one.file}: {one.reason}")
    if (unnamed := found.record.skipped_count - len(found.record.skipped)) > 0:
        say(f"and {unnamed:,} more were skipped")
    train, test = sum(answer["train_class_counts"]), sum(answer["test_class_counts"])
    lines = [
        table({"id": found.set_id, "name": found.record.name}),
        f"{train:,} pictures to learn from and {test:,} to test with, in {len(answer['class_names'])} classes:",
        *(
            f"  {name:<40} {learned:>6,} {tested:>6,}"
            for name, learned, tested in zip(
                answer["class_names"], answer["train_class_counts"], answer["test_class_counts"], strict=True
            )
        ),
        f"python -m dlcore train --dataset own-images --own-images {found.set_id}",
    ]
    return SUCCESS, answer, "\n".join(lines)


def _about_set(found: "ImageSet") -> dict[str, Any]:
    description, record = found.description, found.record
    return {
        "id": found.set_id,
        "name": record.name,
        "created": record.created.isoformat(),
        "image_size": description.image_size,
        "channels": description.channels,
        "class_names": list(description.class_names),
        "train_class_counts": list(description.train_class_counts),
        "test_class_counts": list(description.test_class_counts),
        "pictures": sum(description.train_class_counts) + sum(description.test_class_counts),
        "skipped_count": record.skipped_count,
        "skipped": [one.model_dump() for one in record.skipped],
    }


def make_preview(options: argparse.Namespace) -> Answer:
    """Make pictures of a dataset."""
    given = {name: getattr(options, name) for name in PREVIEW_FIELDS if getattr(options, name) is not None}
    config = TrainConfig.parse(given)
    from dlcore.preview import render  # noqa: PLC0415  # torch, after the input was judged

    made = render(config)
    answer = {"samples": str(made.samples), "augmentation": str(made.augmentation)}
    return SUCCESS, answer, table(answer)


def rehearse_run(options: argparse.Namespace) -> Answer:
    """Measure how long a run will take."""
    config = TrainConfig.parse({name: getattr(options, name) for name in KNOBS if getattr(options, name) is not None})
    from dlcore.rehearsal import estimated_seconds, rehearse  # noqa: PLC0415

    found = rehearse(config)
    answer = {"estimated_seconds": round(estimated_seconds(config, found), 1)} | found.model_dump()
    told = {name: answer[name] for name in ("estimated_seconds", "images_per_second", "suggested")}
    return SUCCESS, answer, table(told)


def examine_machine(_: argparse.Namespace) -> Answer:
    """What is installed and at hand."""
    from dlcore.doctor import examine  # noqa: PLC0415  # torch

    answer, text = examine()
    return (SUCCESS if answer["healthy"] else FAILURE), answer, text
