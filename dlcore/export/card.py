"""A model card of a run: what it is, what it learned from, how well it does and where it fails, all computed from the run.

Source of the form: M. Mitchell et al., "Model Cards for Model Reporting", 2019. Torch-free.
"""

from collections.abc import Callable

from dlcore.config import KNOBS
from dlcore.data import DATASETS, OWN_IMAGES
from dlcore.messages import N_, UserError
from dlcore.models import MODELS
from dlcore.runs.directory import Run
from dlcore.runs.history import RunHistory
from dlcore.training.events import Started, Tested
from dlcore.training.metrics import accuracy_interval
from dlcore.unused import unused

Translate = Callable[[str], str]
_HARDEST = 5


def card(run: Run, translate: Translate = str) -> str:
    """The card as Markdown.

    Raises:
        UserError: the run has not been tested, so there is nothing to vouch for.
    """
    history = RunHistory()
    history.append(run.metrics())
    started, tested = history.started, history.tested
    if started is None or tested is None:
        raise UserError(N_("The run {run_id} was not tested (yet), so there is no model card."), run_id=run.run_id)
    config = run.config
    spec = DATASETS[config.dataset]
    values = config.model_dump()
    title = translate(N_("Model card: {model} on {dataset}")).format(
        model=translate(MODELS[config.model].title), dataset=translate(spec.title)
    )
    parts = [f"# {title}", translate(MODELS[config.model].summary)]
    parts += [_section(translate(N_("Data"))), translate(spec.summary), _data(started, translate)]
    parts += [
        _section(translate(N_("Results"))),
        _results(tested, translate),
        _by_class(run, started, tested, translate),
    ]
    parts += [_section(translate(N_("Limits"))), _limits(run, tested, started, translate)]
    idle = unused(config)
    listed = [
        f"| {translate(knob.title)} | `{name}` | {_plain(str(values[name])) or '–'} |"
        for name, knob in KNOBS.items()
        if knob.applies(values) and name not in idle
    ]
    parts += [
        _section(translate(N_("Settings"))),
        "\n".join([f"| {translate(N_('Setting'))} | | {translate(N_('Value'))} |", "| :-- | :-- | :-- |", *listed]),
    ]
    facts = {
        N_("Run"): run.run_id,
        N_("Date"): f"{run.created:%Y-%m-%d %H:%M} UTC",
        N_("Parameters"): f"{started.parameters:,}",
        N_("Computed on"): ", ".join([started.device, *(f"{name} {text}" for name, text in started.versions.items())]),
    }
    summary = run.summary()
    if summary is not None and summary.weights_sha256:
        facts[N_("SHA-256 of the weights")] = f"`{summary.weights_sha256}`"
    parts += [
        _section(translate(N_("Origin"))),
        "\n".join(f"- {translate(name)}: {_plain(text)}" for name, text in facts.items()),
    ]
    return "\n\n".join(parts) + "\n"


def _data(started: Started, translate: Translate) -> str:
    return translate(
        N_("It learned from {train:,} images, was watched on {validation:,} others and tested once on {test:,} more.")
    ).format(train=started.train_count, validation=started.validation_count, test=started.test_count)


def _results(tested: Tested, translate: Translate) -> str:
    low, high = accuracy_interval(tested.correct, tested.count)
    return translate(
        N_(
            "Test accuracy **{accuracy:.2%}** ({correct:,} of {count:,}; 95% interval {low:.2%} to {high:.2%}), test loss {loss:.4f}."
        )
    ).format(accuracy=tested.accuracy, correct=tested.correct, count=tested.count, low=low, high=high, loss=tested.loss)


def _by_class(run: Run, started: Started, tested: Tested, translate: Translate) -> str:
    """The classes that are found least often, the worst first."""
    shown = (lambda name: name) if run.config.dataset == OWN_IMAGES else translate
    rows = []
    for place, name in enumerate(started.class_names):
        row = tested.confusion[place]
        count = sum(row)
        if not count:
            continue
        wrong = max((number, other) for other, number in enumerate(row) if other != place)
        taken = f"{_plain(shown(started.class_names[wrong[1]]))} ({wrong[0]})" if wrong[0] else "–"
        rows.append((row[place] / count, _plain(shown(name)), count, taken))
    head = [N_("Hardest classes"), N_("Found"), N_("Images"), N_("Most often taken for")]
    lines = [f"| {' | '.join(translate(word) for word in head)} |", "| :-- | --: | --: | :-- |"]
    lines += [
        f"| {name} | {found:.1%} | {count:,} | {taken} |" for found, name, count, taken in sorted(rows)[:_HARDEST]
    ]
    return "\n".join(lines)


def _limits(run: Run, tested: Tested, started: Started, translate: Translate) -> str:
    lines = [
        translate(N_("The numbers hold for images made as the test images were; for others they are no promise.")),
        translate(
            N_("It names one of its {count} classes for any image at all, also for one that shows none of them.")
        ).format(count=len(started.class_names)),
        translate(N_("One run with one seed: another seed gives another result.")),
    ]
    sure = [mistake for mistake in tested.mistakes if mistake.confidence > 0.9]
    if sure:
        lines.append(
            translate(
                N_(
                    "Being sure is not being right: {count} of its worst mistakes were made with more than 90% confidence."
                )
            ).format(count=len(sure))
        )
    if run.config.label_noise:
        lines.append(translate(N_("Part of its training labels were wrong on purpose.")))
    return "\n".join(f"- {line}" for line in lines)


def _section(title: str) -> str:
    return f"## {title}"


def _plain(text: str) -> str:
    """Words from outside, in a table of Markdown."""
    return " ".join(text.replace("|", "/").replace("<", "‹").replace(">", "›").split())
