"""Exported programs: on their own, they end with the very weights of the run."""

import ast
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dlcore.config import KNOBS, TrainConfig
from dlcore.config.choices import SCHEDULES
from dlcore.export import writing
from dlcore.export.recipe import Recipe, recipe_of
from dlcore.export.script import notebook, script
from dlcore.export.words import COMMENTS, DEFINITIONS
from dlcore.formats import RECIPE
from dlcore.messages import UserError
from dlcore.runs import directory
from dlcore.runs.worker import work
from dlcore.training.checkpoints import load_weights
from dlcore.training.events import Started, Stepped
from dlcore.translation import translator

PROJECT = Path(__file__).resolve().parents[2]
SMALL = {"dataset": "digits", "epochs": 2, "threads": 1, "train_fraction": 0.07, "batch_size": 16}
CONFIGURATIONS = {
    "the article's": {"model": "article-cnn"},
    "augmented": {
        "model": "compact-cnn",
        "augmentation": "moderate",
        "schedule": "one-cycle",
        "label_smoothing": 0.1,
        "optimizer": "adamw",
        "weight_decay": 0.01,
    },
    "averaged": {
        "model": "mlp",
        "ema": 0.9,
        "label_noise": 0.2,
        "initialisation": "kaiming",
        "depth": 3,
        "width": 40,
        "l1": 1e-5,
    },
    "own layers": {
        "model": "custom",
        "layers": "conv 8 3 padding 1 / layernorm / leaky-relu / maxpool 2 / residual 12 stride 2 / globalpool"
        " / dropout 0 / linear 20 / layernorm / silu / dropout 0.2",
        "gradient_clipping": 0.5,
        "optimizer": "nesterov",
        "learning_rate": 0.05,
        "schedule": "warm-up",
    },
    "some classes": {
        "model": "lenet5",
        "classes": "1,4,7",
        "loss": "mse",
        "optimizer": "rmsprop",
        "schedule": "plateau",
        "epochs": 4,
    },
    "in groups": {"model": "committee-cnn", "members": 2, "epochs": 1, "train_fraction": 0.02},
    "in branches": {"model": "mixed-committee-cnn", "members": 1, "epochs": 1, "train_fraction": 0.02},
    "alone": {
        "model": "mlp",
        "normalization": "batch",
        "activation": "tanh",
        "batch_size": 30,  # of 91 images: the last is alone,
        "optimizer": "adagrad",
        "initialisation": "xavier",
    },
    "patient": {
        "model": "linear",
        "early_stopping": 1,
        "early_stopping_metric": "accuracy",
        "target_accuracy": 0.99,
        "epochs": 30,
        "learning_rate": 0.05,
        "optimizer": "sgd",
        "schedule": "cosine",
    },
    "bent and noisy": {
        "model": "resnet-small",
        "epochs": 1,
        "train_fraction": 0.02,
        "augmentation": "custom",
        "elastic_pixels": 1.5,
        "erasing_share": 0.2,
        "noise_levels": 20,
        "rotation_degrees": 0,
        "schedule": "step",
        "dropout": 0.0,
        "normalization": "layer",
    },
}
"""Between them, every kind of piece that a program may need."""


def trained(**settings) -> directory.Run:
    run = directory.create(TrainConfig.parse(SMALL | settings))
    work(run)
    return run


HOST = r"""
import os, runpy, sys, traceback
import sklearn.datasets, torch

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        folder, os.environ["DATA"] = line.rstrip("\n").split("\t")
        os.chdir(folder)
        for stream, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(name, os.O_CREAT | os.O_WRONLY), stream)
        status = 0
        try:
            runpy.run_path("program.py", run_name="__main__")
        except SystemExit as error:
            print(error.code, file=sys.stderr)
            status = 1
        except BaseException:
            traceback.print_exc()
            status = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status or int("dlcore" in sys.modules))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""Has imported what programs import, and computed nothing: each program is a fork of it, which saves seconds."""


@pytest.fixture(scope="module")
def host():
    command = [sys.executable, "-I", "-X", "utf8", "-c", HOST]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.stdin.close()


@pytest.fixture
def run_alone(host, tmp_path):
    """``run_alone(program)``: its exit status, what it prints, and what it complains of; the weights are in its folder."""

    def run(program: str) -> tuple[int, str, str]:
        (tmp_path / "program.py").write_text(program, encoding="utf-8")
        host.stdin.write(f"{tmp_path}\t{os.environ.get('DATA', 'data')}\n")
        host.stdin.flush()
        status = int(host.stdout.readline())
        return status, *((tmp_path / name).read_text(encoding="utf-8") for name in ("out", "err"))

    return run


@pytest.fixture
def assert_same(run_alone, tmp_path):
    """``assert_same(run, program)``: the program ends with the accuracy and the weights of the run."""

    def compare(run: directory.Run, program: str) -> None:
        status, printed, complaint = run_alone(program)
        assert status == 0, complaint
        assert f"test accuracy {run.summary().test_accuracy:.4f}" in printed
        weights = torch.load(tmp_path / "weights.pt", weights_only=True)
        ours = load_weights(run.weights_path)[0].state_dict()
        assert ours.keys() == weights.keys()
        assert all(torch.equal(ours[name], weights[name]) for name in ours)

    return compare


def assert_clean(program: str) -> None:
    for command in (
        ["format", "--diff", "--isolated", "--line-length", "120", "-"],
        ["check", "--isolated", "--select", "F,E,W,I,B", "--ignore", "E501", "-"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command],
            input=program,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert "dlcore" not in program


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_program_ends_with_the_weights_of_the_run_bit_for_bit(name, assert_same):
    run = trained(**CONFIGURATIONS[name])
    program = script(recipe_of(run))
    assert_clean(program)
    assert_same(run, program)


def made_up(**more) -> Recipe:
    """A run that took no time."""
    counts = {"train_count": 91, "validation_count": 144, "test_count": 360, "parameters": 1, "steps_per_epoch": 6}
    versions = {"torch": "2.13.0+cpu", "recipe": RECIPE}
    started = Started(class_names=list("0123456789"), epochs=2, device="cpu", threads=1, versions=versions, **counts)
    facts = {
        "last_step": None,
        "by_clock": False,
        "diverged": False,
        "most_loss": None,
        "test_accuracy": 0.5,
        "changes": (),
    }
    return Recipe(run_id="made-up", started=started, **{"config": TrainConfig(**SMALL), **facts, **more})


def steered_run(model="mlp", **asked) -> directory.Run:
    """A run in which somebody asked for something after its third update."""
    own = {"model": model, "members": 1, "schedule": "one-cycle", "dropout": 0.0, "train_fraction": 0.2}
    run = directory.create(TrainConfig.parse(SMALL | own))

    def watch(event):
        if isinstance(event, Stepped) and event.step == 3:
            run.steer(**asked)

    work(run, watch=watch)
    return run


@pytest.mark.parametrize("model", ["mlp", "mixed-committee-cnn"])
def test_what_was_changed_by_hand_is_in_the_program(model, assert_same):
    run = steered_run(model, learning_rate=0.01, weight_decay=0.05, dropout=0.4)
    program = script(recipe_of(run))
    assert_clean(program)
    assert re.search(r'CHANGES: dict\[int, dict\[str, float\]\] = \{\n    3: \{\s*"learning_rate": 0.01,', program)
    assert_same(run, program)


def test_a_run_stopped_by_hand_ends_where_it_was_stopped(assert_same):
    run = steered_run(then="stop")
    recipe = recipe_of(run)
    assert recipe.last_step == 3
    program = script(recipe)
    assert_clean(program)
    assert_same(run, program)


def test_a_run_whose_time_was_up_ends_after_the_same_update(assert_same):
    run = trained(model="mlp", epochs=100, time_budget=0.001)
    recipe = recipe_of(run)
    assert recipe.by_clock
    assert_same(run, script(recipe))


def test_a_run_that_went_on_after_a_stop_is_made_in_one_go(assert_same):
    run = steered_run(then="stop")
    run.forget_wishes()
    run.expect_worker()
    work(run)
    recipe = recipe_of(run)
    assert recipe.last_step is None
    assert_same(run, script(recipe))


def assert_diverges_again(run, run_alone):
    program = script(recipe_of(run))
    assert_clean(program)
    status, _printed, complaint = run_alone(program)
    assert status == 1
    made = len([event for event in run.metrics() if isinstance(event, Stepped)])
    assert f"diverged after update {made}." in complaint


def test_a_run_that_diverged_diverges_again_at_the_same_update(run_alone):
    run = trained(model="mlp", optimizer="sgd", initialisation="large", learning_rate=10)
    assert run.status() == "diverged"
    assert_diverges_again(run, run_alone)


def test_how_it_ended_is_told():
    assert "It diverged" in script(made_up(diverged=True))
    assert "Its time was up after update 4" in script(made_up(last_step=4, by_clock=True))
    old = replace(made_up().started, versions={"torch": "2.12.0"})
    assert "earlier version" in script(replace(made_up(), started=old))
    for recipe in (made_up(diverged=True), made_up(diverged=True, most_loss=2302.6), made_up(last_step=4)):
        assert_clean(script(recipe))


def test_a_run_whose_loss_ran_away_runs_away_again_at_the_same_update(run_alone):
    run = trained(model="mlp", normalization="none", optimizer="adam", learning_rate=1.0, epochs=50)
    assert "loss" in run.read()[0][-1].values, run.status()
    assert_diverges_again(run, run_alone)


@pytest.mark.parametrize("dataset", ["mnist", "fashion-mnist", "kmnist", "emnist-letters", "cifar10"])
@pytest.mark.parametrize("augmentation", ["none", "light", "strong"])
def test_other_datasets_make_clean_programs(dataset, augmentation):
    recipe = made_up()
    config = TrainConfig(dataset=dataset, model="accurate-cnn", augmentation=augmentation)
    for translate in (str, translator("zh")):
        program = script(replace(recipe, config=config), translate)
        assert_clean(program)
        assert "torchvision" in program


def test_mixed_precision_on_a_gpu_makes_a_clean_program():
    recipe = made_up()
    started = replace(recipe.started, device="cuda", mixed_precision=True)
    program = script(replace(recipe, config=TrainConfig(model="compact-cnn"), started=started))
    assert_clean(program)
    assert 'torch.autocast("cuda", dtype=torch.bfloat16)' in program
    assert "torch.backends.cudnn.deterministic = True" in program
    assert 'torch.backends.cudnn.conv.fp32_precision = "tf32"' in program
    assert "class Dropout" not in program


def test_a_program_for_apples_gpu_keeps_the_layout_whose_gradients_are_right():
    recipe = made_up()
    started = replace(recipe.started, device="mps")
    program = script(replace(recipe, config=TrainConfig(model="compact-cnn"), started=started))
    assert_clean(program)
    assert "network = network.to(DEVICE)\n" in program
    assert "channels_last" not in program
    assert "cudnn" not in program


@pytest.mark.parametrize("dataset", ["own-images", "mnist-pen"])
def test_what_no_program_can_fetch_is_refused_with_the_reason(dataset):
    with pytest.raises(UserError, match="learned from"):
        recipe_of(directory.create(TrainConfig.parse({"dataset": dataset}, check_data=False)))


def test_a_run_that_has_not_begun_is_refused():
    with pytest.raises(UserError, match="not begun"):
        recipe_of(directory.create(TrainConfig(dataset="digits")))


def test_the_notebook_holds_the_program():
    recipe = made_up()
    content = json.loads(notebook(recipe))
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    code = "\n".join("".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code")
    assert ast.dump(ast.parse(code)) == ast.dump(ast.Module(body=ast.parse(script(recipe)).body[1:], type_ignores=[]))
    identifiers = [cell["id"] for cell in content["cells"]]
    assert len(set(identifiers)) == len(identifiers)


def test_a_chinese_program_is_the_same_but_for_what_it_says():
    recipe = made_up(config=TrainConfig.parse(SMALL | CONFIGURATIONS["augmented"] | {"ema": 0.9}))
    english, chinese = script(recipe), script(recipe, translator("zh"))
    assert_clean(chinese)
    assert "训练" in chinese
    without = [line for line in chinese.splitlines() if line.strip().startswith("# ") and not line.startswith("# %%")]
    assert all(any(ord(letter) > 0x2E80 for letter in line) for line in without), without
    assert len(ast.parse(english).body) == len(ast.parse(chinese).body)


def test_programs_know_every_setting():
    modules = ("script", "writing", "data_cells", "learning_cells")
    told = "".join((PROJECT / "dlcore" / "export" / f"{name}.py").read_text(encoding="utf-8") for name in modules)
    by_another_way = {
        "own_images": "refused by check_fetchable",
        "start_from": "refused by check_fetchable",
        "layers": "in the network's class",
        "activation": "in the network's class",
        "normalization": "in the network's class",
        "depth": "in the network's class",
        "width": "in the network's class",
        "members": "in the network's class",
        "device": "as the log says",
        "precision": "as the log says",
        "threads": "as the log says",
        "train_fraction": "as the log counts",
        "validation_fraction": "as the log counts",
        "time_budget": "as the log says",
    }
    strengths = {name for name, knob in KNOBS.items() if "augmentation" in knob.only_for}
    upper = {name for name in KNOBS if re.search(rf"\b{name.upper()}\b", told)}
    lower = {name for name in KNOBS if re.search(rf"config\.{name}\b", told)}
    assert set(KNOBS) == upper | lower | strengths | set(by_another_way), "see CONTRIBUTING.md, A setting"


class Strict(dict):
    def get(self, name, default=None):
        assert name in self or name.isupper() or name == "forward", f"{name} is not described in dlcore/export/words.py"
        return super().get(name, default)


@pytest.mark.parametrize("augmentation", ["none", "strong", "custom"])
@pytest.mark.parametrize("dataset", ["digits", "cifar10"])
def test_every_piece_is_described(augmentation, dataset, monkeypatch):
    monkeypatch.setattr(writing, "DEFINITIONS", Strict(DEFINITIONS))
    recipe = made_up()
    strengths = {"elastic_pixels": 1, "erasing_share": 0.1, "noise_levels": 5}
    for schedule in SCHEDULES:
        more = {
            "schedule": schedule,
            "ema": 0.9,
            "label_noise": 0.1,
            "l1": 0.1,
            "batch_size": 1,
            "normalization": "batch",
        }
        config = TrainConfig(dataset=dataset, model="mlp", augmentation=augmentation, **strengths, **more)
        started = replace(recipe.started, mixed_precision=True)
        assert_clean(script(replace(recipe, config=config, started=started)))


def test_every_description_is_of_something():
    sources_of = ("data", "training", "models")
    root = PROJECT / "dlcore"
    text = "".join(path.read_text(encoding="utf-8") for folder in sources_of for path in (root / folder).glob("*.py"))
    for name in DEFINITIONS:
        assert name.rpartition(".")[2] in text
    for comment in COMMENTS:
        assert f"# {comment}" in text, comment


@pytest.mark.data
def test_a_run_on_mnist_is_made_again(shared_data, assert_same, monkeypatch):
    monkeypatch.setenv("DLCORE_DATA", str(shared_data))
    monkeypatch.setenv("DATA", str(shared_data))
    run = trained(
        dataset="mnist", model="linear", epochs=1, train_fraction=0.01, validation_fraction=0.01, classes="3,8"
    )
    assert_same(run, script(recipe_of(run)))
