"""What a run's own numbers say about it, in words: rules that name their evidence, each with one experiment to try.

Pure functions of what was recorded; nothing here imports torch or knows a page. The rules are thresholds chosen on small
runs that show each fault, and on healthy ones, which must raise no alarm (``tests/dlcore/test_diagnosis.py``).
"""

from dlcore.config import TrainConfig
from dlcore.messages import UserError
from dlcore.runs.diagnosis import fit, updates
from dlcore.runs.diagnosis.finding import TITLES, Finding, Kind
from dlcore.runs.diagnosis.numbers import Numbers
from dlcore.runs.diagnosis.updates import USUAL_RATIO
from dlcore.runs.history import RunHistory
from dlcore.training.events import Inspected

__all__ = ["MOST_FINDINGS", "TITLES", "USUAL_RATIO", "Finding", "Kind", "diagnose", "suggested"]

MOST_FINDINGS = 3


def diagnose(history: RunHistory, config: TrainConfig, inspected: Inspected | None = None) -> list[Finding]:
    """What the run shows so far, the most fundamental first; empty where nothing is amiss or it is too early to tell.

    Args:
        history: losses in the configuration's unit, accuracies in [0, 1].
        config: as the run began; a learning rate that was changed since is taken from the history.
        inspected: the inside after the latest epoch; without it, layers are not judged.
    """
    numbers = Numbers(history, config, inspected)
    if history.started is None or not (numbers.epochs or numbers.diverged or numbers.begins_far_off):
        return []
    found = [finding for rule in (*updates.RULES, fit.noise) if (finding := rule(numbers)) is not None]
    causes = {finding.kind for finding in found} - {"dead-units"}
    if (finding := fit.over_fitting(numbers)) is not None:
        found.append(finding)
    if not causes and not numbers.diverged:
        found += [finding for rule in (fit.under_fitting, fit.plateau) if (finding := rule(numbers)) is not None]
    return found[:MOST_FINDINGS]


def suggested(config: TrainConfig, finding: Finding) -> TrainConfig | None:
    """The settings of the experiment, or None where there is none or it does not fit these settings."""
    if finding.unsteered:
        return config
    if not finding.change:
        return None
    try:
        return TrainConfig.parse(config.model_dump() | finding.change, check_data=False)
    except UserError:
        return None
