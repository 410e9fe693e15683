"""The training loop: a generator of events, which moves a :class:`~dlcore.training.state.TrainingState`.

Stopping is ceasing to iterate. Whenever an event is yielded the state is whole, so whoever iterates may save it then;
only ``Inspected`` comes amid an evaluation, which would be made again.
"""

import math
import platform
import time
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from dlcore.config import TrainConfig
from dlcore.data.augmentation import augment, strength_of
from dlcore.data.labels import with_wrong_labels
from dlcore.data.loading import Dataset, prepare
from dlcore.data.normalization import normalize
from dlcore.data.randomness import generator, seeded
from dlcore.formats import RECIPE
from dlcore.messages import N_
from dlcore.training import averaging
from dlcore.training.divergence import diverged, find_growth, find_origin
from dlcore.training.evaluation import (
    confusion_matrix,
    judge,
    log_probabilities,
    loss_and_accuracy,
    score,
    worst_mistakes,
)
from dlcore.training.events import Ended, Evaluated, Event, Inspected, Started, Stepped, Tested
from dlcore.training.faster import gathered, in_parts
from dlcore.training.losses import training_loss
from dlcore.training.metrics import most_loss
from dlcore.training.optimizers import add_l1_gradient, set_learning_rate
from dlcore.training.precision import arithmetic, prepare_kernels
from dlcore.training.state import TrainingState, use_threads
from dlcore.training.telemetry import WATCHED_IMAGES, ReluWatch, StepMeter, gradient_histograms, weight_histograms

_TRAIN_SAMPLE = 5_000
"""Most training images that an evaluation looks at."""
_LOOKED_AT = 32
"""So many images show where a network that diverged enlarges its signals."""
_MISTAKES = 12
"""Most wrong validation images that an inspection shows."""


def train(
    config: TrainConfig,
    *,
    state: TrainingState | None = None,
    dataset: Dataset | None = None,
    recording: bool = True,
) -> Iterator[Event]:
    """Train as ``config`` says and yield what happens, in the order that :mod:`dlcore.training.events` lists.

    With ``state`` given, training continues from it; bit for bit as if it had never stopped, given the same machine
    and the same number of threads. The last event is ``Ended``, with ``completed`` (and a message where that was before
    the last epoch) or ``diverged``. Without ``recording`` nothing is measured but loss and accuracy: no weight differs.

    Raises:
        UserError: the dataset or the device is not to be had.
    """
    threads = use_threads(config)
    if dataset is None:
        dataset = yield from prepare(config.dataset, own_images=config.own_images, classes=config.classes)
    if state is None:
        state = TrainingState.create(config, dataset)
    prepare_kernels(config.precision, state.device)
    images, labels = dataset.train_images.to(state.device), _labels(state, dataset).to(state.device)

    meter = state.meter = StepMeter(state.network) if recording else None

    if state.evaluated_epoch < 0:
        yield _started(state, dataset, threads)
        yield from _evaluate(state, images, labels, epoch=0, recording=recording)
    while (ended := state.ending()) is None:
        epoch = state.evaluated_epoch + 1
        drawn = torch.randperm(len(state.train_indices), generator=generator(config.seed, "order", epoch))
        order = state.train_indices[drawn].to(state.device)  # once an epoch: each way to a GPU makes it wait
        while state.step < epoch * state.steps_per_epoch:
            position = (state.step - (epoch - 1) * state.steps_per_epoch) * config.batch_size
            chosen = order[position : position + config.batch_size]
            if state.out_of_time():
                yield test(state, dataset)
                yield _out_of_time(state)
                return
            batch = gathered(images, chosen), labels.index_select(0, chosen)
            stepped = update(state, *batch, epoch, meter)
            if not (math.isfinite(stepped.loss) and math.isfinite(stepped.gradient_norm or 0.0)):
                yield _diverged_in_update(state, *batch)
                return
            yield stepped
        for event in _evaluate(state, images, labels, epoch, recording=recording):
            if isinstance(event, Evaluated) and (broken := _broken(state, event, images, labels)) is not None:
                yield broken
                return
            yield event
    yield test(state, dataset)
    yield ended


def test(state: TrainingState, dataset: Dataset) -> Tested:
    """The network as it is now, on the test set. For a run that ends early; a complete one yields this by itself."""
    images, labels = dataset.test_images, dataset.test_labels
    state.test_answers = log_probabilities(state.model, images)
    return judge(state.test_answers, images, labels, loss=state.config.loss, seconds=state.seconds)


def _loss(state: TrainingState, network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """What the next update lowers, on this batch: the same again if called again."""
    config, step = state.config, state.step
    images = augment(images, strength_of(config), generator(config.seed, "augmentation", step))
    with seeded(config.seed, "dropout", step, device=state.device), arithmetic(state.device, mixed=state.mixed):
        return training_loss(network(in_parts(normalize, images)), labels, config.label_smoothing, loss=config.loss)


def update(state: TrainingState, images: Tensor, labels: Tensor, epoch: int, meter: StepMeter | None) -> Stepped:
    """One step of gradient descent on a batch; none if the loss or a gradient is not finite."""
    start = time.perf_counter()
    config, step = state.config, state.step
    learning_rate = state.next_learning_rate()
    set_learning_rate(state.optimizer, learning_rate)
    state.network.train()
    state.optimizer.zero_grad()
    loss = _loss(state, state.network, images, labels)
    value = loss.item()
    gradient_norm = update_ratio = clipped = None
    if math.isfinite(value):
        loss.backward()  # type: ignore[no-untyped-call]
        if config.l1:
            add_l1_gradient(state.optimizer, config.l1)
        if config.gradient_clipping:
            clipped = nn.utils.clip_grad_norm_(state.network.parameters(), config.gradient_clipping)
        if meter is not None:
            gradient_norm = meter.before_update(step, clipped)
        if gradient_norm is None or math.isfinite(gradient_norm):
            state.optimizer.step()
            state.step += 1
            if meter is not None:
                update_ratio = meter.after_update()
            if state.averaged is not None:
                averaging.follow(state.averaged, state.network, decay=config.ema, updates=state.step)
    state.seconds += time.perf_counter() - start
    return Stepped(
        step=step + 1,
        epoch=epoch,
        loss=value,
        learning_rate=learning_rate,
        images_seen=state.images_seen,
        seconds=state.seconds,
        gradient_norm=gradient_norm,
        update_ratio=update_ratio,
    )


def _labels(state: TrainingState, dataset: Dataset) -> Tensor:
    """The labels int64 (N,) that training sees: some wrong where the configuration says so, the same ones all along."""
    config, labels = state.config, dataset.train_labels
    if not config.label_noise:
        return labels
    return with_wrong_labels(
        labels,
        state.train_indices,
        share=config.label_noise,
        classes=len(dataset.class_names),
        generator=generator(config.seed, "label noise"),
    )


def _evaluate(
    state: TrainingState, images: Tensor, labels: Tensor, epoch: int, *, recording: bool
) -> Iterator[Inspected | Evaluated]:
    held_back = state.validation_indices.to(state.device)
    model, loss = state.model, state.config.loss
    sample = _train_sample(state)
    train_loss, train_accuracy = loss_and_accuracy(model, images[sample], labels[sample], loss=loss)
    first, rest = held_back[:WATCHED_IMAGES], held_back[WATCHED_IMAGES:]
    watch = ReluWatch(model)
    if recording:
        with watch.watching():
            parts = [log_probabilities(model, images[first])]
    else:
        parts = [log_probabilities(model, images[first])]
    if len(rest):
        parts.append(log_probabilities(model, images[rest]))
    log_p, truth = torch.cat(parts), labels[held_back].cpu()
    state.validation_answers = log_p
    validation_loss, validation_accuracy = score(log_p, truth, loss=loss)
    if epoch == 0:
        state.untrained_loss = validation_loss
    finite = math.isfinite(train_loss + validation_loss)
    if recording and finite and validation_loss <= most_loss(state.untrained_loss):
        yield Inspected(
            epoch=epoch,
            step=state.step,
            confusion=confusion_matrix(log_p, truth),
            mistakes=worst_mistakes(log_p, truth, images, most=_MISTAKES, positions=state.validation_indices),
            rectified=watch.found(),
            weights=weight_histograms(state.network),
            gradients=gradient_histograms(state.network),
        )
    state.evaluated_epoch = epoch
    state.record.note(validation_loss, validation_accuracy)
    yield Evaluated(
        epoch=epoch,
        step=state.step,
        train_loss=train_loss,
        train_accuracy=train_accuracy,
        validation_loss=validation_loss,
        validation_accuracy=validation_accuracy,
        seconds=state.seconds,
    )


def _train_sample(state: TrainingState) -> Tensor:
    """The training images that evaluations look at: like the split, the same ones for the whole run."""
    return state.train_indices[: min(len(state.validation_indices), _TRAIN_SAMPLE)].to(state.device)


def _out_of_time(state: TrainingState) -> Ended:
    return Ended(
        reason="completed",
        message=N_("Stopped after step {step}: the {minutes} minutes that training may take were used up."),
        values={"step": state.step, "minutes": state.config.time_budget},
    )


def _started(state: TrainingState, dataset: Dataset, threads: int) -> Started:
    return Started(
        class_names=list(dataset.class_names),
        train_count=len(state.train_indices),
        validation_count=len(state.validation_indices),
        test_count=len(dataset.test_images),
        parameters=sum(parameter.numel() for parameter in state.model.parameters()),
        steps_per_epoch=state.steps_per_epoch,
        epochs=state.config.epochs,
        time_budget=60 * state.config.time_budget,
        device=state.device.type,
        threads=threads,
        mixed_precision=state.mixed,
        versions={"python": platform.python_version(), "torch": str(torch.__version__), "recipe": RECIPE},
    )


def _diverged_in_update(state: TrainingState, images: Tensor, labels: Tensor) -> Ended:
    origin = find_origin(state.network, lambda network: _loss(state, network, images, labels))
    return diverged(state, origin, step=state.step + 1)


def _broken(state: TrainingState, evaluated: Evaluated, images: Tensor, labels: Tensor) -> Ended | None:
    """How an evaluation ends the run, if it shows that training diverged."""
    if not math.isfinite(evaluated.train_loss + evaluated.validation_loss):
        return _diverged_in_evaluation(state, images, labels)
    if evaluated.validation_loss > most_loss(state.untrained_loss):
        first = state.validation_indices[:_LOOKED_AT].to(state.device)
        origin = find_growth(state.model, normalize(images[first]))
        return diverged(state, origin, step=state.step, loss=evaluated.validation_loss)
    return None


def _diverged_in_evaluation(state: TrainingState, images: Tensor, labels: Tensor) -> Ended:
    """The last update of an epoch did it, which shows in the first batch whose evaluation fails."""
    looked_at = torch.cat([_train_sample(state), state.validation_indices.to(state.device)])
    log_p = log_probabilities(state.model, images[looked_at])
    bad = (~log_p.isfinite().all(1)).nonzero().squeeze(1)[:1].to(looked_at.device)
    chosen = looked_at[bad] if len(bad) else looked_at[:1]

    def loss_of(network: nn.Module) -> Tensor:
        return training_loss(network(normalize(images[chosen])), labels[chosen], loss=state.config.loss)

    return diverged(state, find_origin(state.model.eval(), loss_of), step=state.step)
