"""Cells of an exported program: how the network learns and is judged."""

from dlcore.export import sources
from dlcore.export.data_cells import strength_of
from dlcore.export.recipe import Recipe
from dlcore.export.writing import Writing, format_string
from dlcore.messages import N_

_CROSS_ENTROPY = '''
def training_loss(log_probabilities: Tensor, labels: Tensor) -> Tensor:
    """{told}"""
    return F.nll_loss(log_probabilities, labels)
'''


_SMOOTHED = '''
def training_loss(log_probabilities: Tensor, labels: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """{told}"""
    nll = F.nll_loss(log_probabilities, labels)
    if label_smoothing == 0:
        return nll
    return (1 - label_smoothing) * nll - label_smoothing * log_probabilities.mean()
'''


_MSE = '''
def training_loss(log_probabilities: Tensor, labels: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """{told}"""
    target = F.one_hot(labels, {classes}) * (1 - label_smoothing) + label_smoothing / {classes}
    return (log_probabilities.exp() - target).square().sum(1).mean()
'''


_JUDGE = '''
@torch.no_grad()
def judge(model: nn.Module, images: Tensor, labels: Tensor) -> tuple[float, float]:
    """{told}"""
    model.eval()
    log_p = torch.cat([model(normalize(part{moved})).cpu() for part in images.split(32)])
    labels = labels.cpu()
    return training_loss(log_p, labels).item(), (log_p.argmax(1) == labels).float().mean().item()
'''


def rules(writing: Writing) -> str:
    """The loss, the optimizer, and what goes with them."""
    config = writing.config
    parts = [_loss(writing)]
    factor = {"cosine": "_cosine", "one-cycle": "_one_cycle", "step": "_step", "warm-up": "_warm_up"}
    if config.schedule in factor:
        parts.append(writing.cut("training/schedules", factor[config.schedule], renames={"_step": "late_tenth"}))
    if writing.records:
        parts.append(writing.cut("training/validation_record", "ValidationRecord"))
        parts.append("record = ValidationRecord(metric=EARLY_STOPPING_METRIC)")
    if config.ema:
        parts.append(writing.cut("training/averaging", "frozen_copy", "follow"))
        parts.append("averaged = frozen_copy(network)")
    if config.l1:
        parts.append(writing.cut("training/optimizers", "add_l1_gradient"))
    parts.append(_optimizer(writing))
    return sources.join(parts)


def _loss(writing: Writing) -> str:
    config, say = writing.config, writing.say
    if config.loss == "mse":
        told = say(N_("The mean squared distance of the probabilities to the targets."))
        return _MSE.strip("\n").format(told=told, classes=writing.classes)
    told = say(N_("The mean cross-entropy: the surprise at the right answer."))
    if not config.label_smoothing:
        return _CROSS_ENTROPY.strip("\n").format(told=told)
    return _SMOOTHED.strip("\n").format(told=told)


def _optimizer(writing: Writing) -> str:
    config = writing.config
    told = writing.say(N_("Weight decay pulls on matrices only: to pull biases to zero regularises nothing."))
    fused = ", fused=True" if writing.device in ("cpu", "cuda") else ""
    momentum = ", momentum=MOMENTUM"
    made = {
        "sgd": f"SGD(groups, lr=LEARNING_RATE{momentum})",
        "nesterov": f"SGD(groups, lr=LEARNING_RATE{momentum}{', nesterov=True' if config.momentum > 0 else ''})",
        "adam": f"Adam(groups, lr=LEARNING_RATE{fused})",
        "adamw": f"AdamW(groups, lr=LEARNING_RATE{fused})",
        "rmsprop": f"RMSprop(groups, lr=LEARNING_RATE{momentum})",
        "adagrad": "Adagrad(groups, lr=LEARNING_RATE)",
    }[config.optimizer]
    return "\n".join(
        [
            f"# {told}",
            "groups = [",
            '    {"params": [p for p in network.parameters() if p.dim() >= 2], "weight_decay": WEIGHT_DECAY},',
            '    {"params": [p for p in network.parameters() if p.dim() < 2], "weight_decay": 0.0},',
            "]",
            f"optimizer = torch.optim.{made}",
        ]
    )


def judge(writing: Writing) -> str:
    """How a network is judged."""
    moved = "" if writing.on_cpu else ".to(DEVICE)"
    told = writing.say(N_("Mean loss and accuracy of a network on images (N, C, H, W) and their labels."))
    return _JUDGE.strip("\n").format(told=told, moved=moved)


def counts(writing: Writing) -> str:
    """How long it trains."""
    config, steps = writing.config, writing.recipe.started.steps_per_epoch
    told = writing.say(N_("Epochs: {epochs}, each of {steps:,} updates."))
    return told.format(epochs=config.epochs, steps=steps)


def _broken(recipe: Recipe) -> str:
    """What an evaluation finds where the run diverged."""
    if recipe.most_loss is None:
        return "not math.isfinite(validation_loss)"
    return f"validation_loss > {recipe.most_loss!r}"


def training(writing: Writing) -> str:  # noqa: C901  # one line a setting
    """The loop."""
    config, recipe, say = writing.config, writing.recipe, writing.say
    steps = recipe.started.steps_per_epoch
    judged = "averaged" if config.ema else "network"
    ends_early = recipe.last_step is not None
    loop = [
        "    network.train()",
        '    order = torch.randperm(len(train_indices), generator=generator(SEED, "order", epoch))',
        "    for chosen in train_indices[order].split(BATCH_SIZE):",
    ]
    if ends_early:
        loop += ["        if step == LAST_STEP:", "            break"]
    if recipe.changes:
        loop += _steering(writing)
    if writing.moving_rate:
        loop += [*_rate(writing, steps * config.epochs), "        for group in optimizer.param_groups:"]
        loop.append('            group["lr"] = rate')
    loop.append("        images, labels = train_images[chosen], train_labels[chosen]")
    if strength_of(writing) is not None:
        loop.append('        images = augment(images, STRENGTH, generator(SEED, "augmentation", step))')
    block = 'seeded(SEED, "dropout", step' + ("" if writing.on_cpu else ", device=DEVICE") + ")"
    loop.append("        optimizer.zero_grad()")
    indent = " " * 12
    if recipe.started.mixed_precision:
        told = say(N_("products in bfloat16, sums and weights in float32"))
        block += f', torch.autocast("{writing.device}", dtype=torch.bfloat16)'
        loop.append(f"        # {told}")
    smoothing = ", LABEL_SMOOTHING" if config.label_smoothing else ""
    loop += [
        f"        with {block}:",
        f"{indent}loss = training_loss(network(normalize(images)), labels{smoothing})",
    ]
    told = say(N_("The loss ran away: training diverged after update {step}."))
    message = format_string(told)
    loop += ["        if not math.isfinite(loss.item()):", f"            raise SystemExit({message})"]
    loop.append("        loss.backward()")
    if config.l1:
        loop.append("        add_l1_gradient(optimizer, L1)")
    if config.gradient_clipping:
        loop.append("        nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_CLIPPING)")
    if recipe.diverged:
        loop += [
            "        norm = torch.stack([p.grad.norm() for p in network.parameters()]).norm()",
            "        if not math.isfinite(norm.item()):",
            f"            raise SystemExit({message})",
        ]
    loop += ["        optimizer.step()", "        step += 1"]
    if config.ema:
        loop.append("        follow(averaged, network, decay=EMA, updates=step)")
    loop.append(f"    validation_loss, validation_accuracy = judge({judged}, *validation)")
    if recipe.diverged:
        loop += [f"    if {_broken(recipe)}:", f"        raise SystemExit({message})"]
    told = say(N_("epoch {epoch}: validation loss {validation_loss:.4f}, accuracy {validation_accuracy:.4f}"))
    loop.append(f"    print({format_string(told)})")
    loop += _ending(writing)
    before = ["step = 0"]
    if "learning_rate" in writing.names:
        before.append("learning_rate = LEARNING_RATE")
    if writing.records:
        told = say(N_("the untrained network counts too"))
        before.append(f"record.note(*judge({judged}, *validation))  # {told}")
    return "\n".join([*before, "for epoch in range(1, EPOCHS + 1):", *loop])


def _rate(writing: Writing, total: int) -> list[str]:
    config = writing.config
    peak = "learning_rate" if "learning_rate" in writing.names else "LEARNING_RATE"
    names = {"cosine": "cosine", "one-cycle": "one_cycle", "step": "late_tenth", "warm-up": "warm_up"}
    if config.schedule in names:
        return [f"        rate = {peak} * {names[config.schedule]}(step / {max(1, total - 1)})"]
    if config.schedule == "plateau":
        return [f"        rate = {peak} * record.plateau_factor"]
    return [f"        rate = {peak}"]


def _steering(writing: Writing) -> list[str]:
    lines = ["        for name, value in CHANGES.get(step, {}).items():"]
    branches = []
    if "learning_rate" in writing.names:
        branches.append(('name == "learning_rate"', "learning_rate = value"))
    if "weight_decay" in writing.names:
        branches.append(('name == "weight_decay"', 'optimizer.param_groups[0]["weight_decay"] = value'))
    if "dropout" in writing.names:
        branches.append(('"dropout" in name', "network.get_submodule(name).p = value"))
    for number, (condition, action) in enumerate(branches):
        lines += [f"            {'elif' if number else 'if'} {condition}:", f"                {action}"]
    return lines


def _ending(writing: Writing) -> list[str]:
    config = writing.config
    lines = []
    if writing.records:
        lines.append("    record.note(validation_loss, validation_accuracy)")
    if config.target_accuracy:
        lines += ["    if validation_accuracy >= TARGET_ACCURACY:", "        break"]
    if config.early_stopping:
        lines += ["    if record.stale_epochs >= EARLY_STOPPING:", "        break"]
    if writing.recipe.last_step is not None:
        lines += ["    if step == LAST_STEP:", "        break"]
    return lines


def test(writing: Writing) -> str:
    """What comes at the end."""
    judged = "averaged" if writing.config.ema else "network"
    told = writing.say(N_("test loss {test_loss:.4f}, test accuracy {test_accuracy:.4f}"))
    return "\n".join(
        [
            f"test_loss, test_accuracy = judge({judged}, test_images, test_labels)",
            f"print({format_string(told)})",
            f'torch.save({judged}.state_dict(), "weights.pt")',
        ]
    )
