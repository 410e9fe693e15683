import json
from types import SimpleNamespace

import pytest

from dlcore.config import KNOBS, TrainConfig
from dlcore.data.loading import load
from dlcore.messages import UserError
from dlcore.models.layers import Convolution
from dlcore.presets import BUNDLED, PRESETS
from dlcore.runs import directory, keeping, launch, queue
from dlcore.runs.worker import work
from dlcore.training.events import Ended, to_json
from dlcore.training.state import TrainingState
from dlcore.training.transfer import begin_from
from dlcore.unused import unused
from ui.training import link
from ui.training.architecture import in_words
from ui.training.form import planned_updates
from ui.training.words import duration

QUICK = TrainConfig(dataset="digits", model="linear", epochs=1, threads=1)


def shown(app) -> str:
    """All that a visitor reads on the page."""
    kinds = ("markdown", "caption", "error", "info", "warning", "metric", "subheader")
    lines = [f"{getattr(element, 'label', '')} {element.value}" for kind in kinds for element in getattr(app, kind)]
    sent = [json.loads(one.proto.json or "{}") for one in app.get("bidi_component")]
    parts = [json.loads(one["json"]) for one in sent if "json" in one]
    return "\n".join([*lines, *(part["words"] for part in parts if "words" in part)])


def finished(config=QUICK, owner=""):
    run = directory.create(config, owner=owner)
    work(run)
    return run


@pytest.fixture
def started(monkeypatch) -> list[directory.Run]:
    """The runs that the page starts, none of which gets a process."""
    runs: list[directory.Run] = []
    monkeypatch.setattr(launch, "start", runs.append)
    return runs


# The link


def test_parameters_and_parse_are_inverse():
    config = TrainConfig(dataset="kmnist", learning_rate=0.00123, dropout=0.333, batch_size=77, seed=2**31 - 1)
    query = link.parameters(config, "some-run")
    told = {name for name, knob in KNOBS.items() if knob.applies(config.model_dump())}
    assert set(query) == {*told, "run"}
    parsed = link.parse(query | {"lang": "zh", "utm_source": "mail"})
    assert TrainConfig(**parsed.values) == config
    assert parsed.run_id == "some-run"
    assert not parsed.refusals


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"epochs": "0"}, "epochs must be in [1, 200]; got 0."),
        ({"learning_rate": "nan"}, "learning_rate must be in (0, 10]; got nan."),
        ({"optimizer": "__import__"}, "optimizer must be one of"),
        ({"epoch": "3"}, "There is no setting called epoch. Did you mean epochs"),
        ({"Learning-Rate": "3"}, "Did you mean learning_rate"),
        ({"zzz": "3"}, "There is no setting called zzz. The form on the Train page shows all"),
        ({"seed": "1e999"}, "seed must be in"),
        ({"batch_size": "9" * 5000}, "batch_size must be in [1, 4096]; got 999"),
    ],
)
def test_what_the_schema_does_not_know_is_refused_and_the_rest_counts(query, told):
    parsed = link.parse(query | {"dropout": "0.1"})
    assert parsed.values == {"dropout": 0.1}
    assert len(parsed.refusals) == 1
    assert told in str(parsed.refusals[0])
    assert len(str(parsed.refusals[0])) < 300


def test_a_link_full_of_nonsense_is_answered_briefly():
    assert len(link.parse({f"x{i}": "1" for i in range(1000)}).refusals) <= 5


def test_opening_a_link_shows_its_settings(open_page):
    app = open_page("train", dataset="digits", model="mlp", epochs=7, learning_rate=0.0123, batch_size=77, seed=5)
    assert app.selectbox(key="train.model").value == "mlp"
    assert app.number_input(key="train.epochs").value == 7
    assert app.number_input(key="train.seed").value == 5
    assert app.text_input(key="train.learning_rate.exact").value == "0.0123"
    assert app.select_slider(key="train.batch_size").value == 77
    assert app.query_params["learning_rate"] == "0.0123"
    assert app.query_params["schedule"] == "constant"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_bad_link_gets_a_kind_answer_and_safe_values(open_page, language):
    app = open_page("train", language=language, epochs="a million", dropout="0.1", run="../../etc/passwd")
    assert len(app.error) == 2
    assert {"en": "Epochs must", "zh": "训练轮数：必须"}[language] in app.error[0].value  # as the form names it
    assert "a million" in app.error[0].value
    assert "../../etc/passwd" in app.error[1].value
    assert app.number_input(key="train.epochs").value == 10
    assert app.number_input(key="train.dropout").value == 0.1
    assert app.query_params["epochs"] == "10"
    assert "run" not in app.query_params


# The form


def test_without_mnist_a_first_visit_gets_what_needs_no_download(open_page):
    app = open_page("train")
    assert app.selectbox(key="train.dataset").value == "digits"
    app.selectbox(key="train.dataset").set_value("mnist").run()
    assert "11.6 MB" in shown(app)


def test_with_mnist_at_hand_a_first_visit_gets_the_article(monkeypatch):
    monkeypatch.setattr(link, "available", lambda _name: True)
    assert link.default_config() == TrainConfig()


def widgets(app) -> dict:
    kinds = ("selectbox", "number_input", "select_slider", "text_input", "text_area", "multiselect")
    return {widget.key: widget for kind in kinds for widget in getattr(app, kind) if widget.key}


def test_every_knob_has_a_widget_with_its_explanation_where_it_matters(open_page):
    settings = [{other: min(wanted) for other, wanted in knob.only_for.items()} for knob in KNOBS.values()]
    for setting in {str(setting): setting for setting in settings}.values():
        app = open_page("train", **link.parameters(TrainConfig(**setting), ""))
        for name, knob in KNOBS.items():
            applies = knob.applies(TrainConfig(**setting).model_dump())
            assert (f"train.{name}" in widgets(app)) == applies
            assert not applies or knob.description in widgets(app)[f"train.{name}"].help


def test_what_does_not_fit_together_in_a_link_is_refused_and_the_rest_counts(monkeypatch):
    def refuse(values, **_how):
        if values["model"] == "mlp" and values["seed"] == 3:
            raise UserError("No {name}.", name="seed")
        return TrainConfig(**values)

    monkeypatch.setattr(link.TrainConfig, "parse", refuse)
    config, refusals = link.combine(TrainConfig(), {"seed": 3, "model": "mlp", "epochs": 2})
    assert (config.model, config.seed, config.epochs) == ("mlp", 0, 2)
    assert [str(error) for error in refusals] == ["No seed."]


def test_edits_reach_the_link_and_the_run(open_page, started):
    app = open_page("train")
    app.number_input(key="train.epochs").set_value(3).run()
    app.select_slider(key="train.batch_size").set_value(256).run()
    app.text_input(key="train.learning_rate.exact").set_value(" 3e-3 ").run()
    app.selectbox(key="train.optimizer").set_value("sgd").run()
    assert app.query_params["epochs"] == "3"
    assert app.select_slider(key="train.learning_rate").value == 0.003
    app.button(key="train.start").click().run()
    assert not app.exception
    (run,) = started
    assert (run.config.epochs, run.config.batch_size, run.config.learning_rate) == (3, 256, 0.003)
    assert run.config.optimizer == "sgd"
    assert run.owner
    assert app.query_params["run"] == run.run_id


def test_a_second_run_waits_for_the_first_and_can_leave_the_line(open_page, started):
    app = open_page("train", model="linear")
    for _ in range(3):
        app.button(key="train.start").click().run()
    assert len(started) == 1
    assert "Waiting" in shown(app)
    assert "Number 2 in the line" in shown(app)
    app.button(key="train.start").click().run()
    assert "2 runs waiting" in shown(app)
    app.button(key="train.stop").click().run()
    assert "Stopped" in shown(app)


def test_a_run_that_waits_for_room_on_the_disk_says_so(open_page, started, monkeypatch):
    app = open_page("train", model="linear")
    for _ in range(2):
        app.button(key="train.start").click().run()
    assert not app.warning
    monkeypatch.setattr(queue, "limits", lambda: queue.Limits(workers=1, free_megabytes=10**9))
    app.run()
    assert "disk is nearly full" in app.warning[0].value


@pytest.mark.parametrize("entered", ["fast", "0", "-1", "inf", "11", ""])
def test_an_impossible_number_is_refused_and_put_back(open_page, entered):
    app = open_page("train")
    app.text_input(key="train.learning_rate.exact").set_value(entered).run()
    assert "Learning rate must be in (0, 10]" in app.error[0].value.replace("\\]", "]")
    assert app.text_input(key="train.learning_rate.exact").value == "0.005"
    app.number_input(key="train.epochs").set_value(2).run()
    assert not app.error


def test_presets_set_everything(open_page):
    app = open_page("train", dataset="digits", seed=9)
    group = next(group for group in app.get("button_group") if group.key == "train.preset")
    group.set_value("pretrained").run()
    assert {name: app.query_params[name] for name in ("augmentation", "seed")} == {
        "augmentation": "moderate",
        "seed": "0",
    }


def test_widgets_that_do_not_apply_are_off_and_say_why(open_page):
    app = open_page("train", model="linear", optimizer="adamw")
    assert app.number_input(key="train.momentum").disabled
    assert app.number_input(key="train.dropout").disabled
    assert "AdamW has a momentum of its own" in shown(app)
    app.selectbox(key="train.optimizer").set_value("sgd").run()
    assert not app.number_input(key="train.momentum").disabled
    assert set(unused(TrainConfig(device="cuda", early_stopping=3))) == {"momentum", "threads"}
    assert "validation_fraction" in unused(TrainConfig(dataset="mnist-pen"))


def test_planned_updates_are_the_worker_s():
    config = QUICK.model_copy(update={"batch_size": 100, "validation_fraction": 0.13, "epochs": 2})
    run = finished(config)
    (begun,) = [event for event in run.read()[0] if event.kind == "started"]
    assert planned_updates(config) == (begun.steps_per_epoch, begun.steps_per_epoch * 2)


def test_weights_to_begin_with_are_chosen_among_those_that_fit(open_page, as_visitor):
    fitting, other = finished(owner=as_visitor), finished(QUICK.model_copy(update={"model": "mlp", "width": 16}))
    app = open_page("train", **link.parameters(QUICK, ""))
    choice = app.selectbox(key="train.start_from")
    assert len(choice.options) == 2
    assert f"{fitting.summary().test_accuracy:.2%}" in choice.options[1]
    choice.set_value(fitting.run_id).run()
    assert app.query_params["start_from"] == fitting.run_id
    named = open_page("train", **link.parameters(QUICK, "") | {"start_from": other.run_id})
    assert named.selectbox(key="train.start_from").value == other.run_id  # as the link has it; the run says why not


def test_a_committee_asks_for_its_members(open_page):
    app = open_page("train", dataset="mnist", model="committee-cnn", members="3")
    assert app.number_input(key="train.members").value == 3
    alone = open_page("train", dataset="mnist", model="article-cnn", members="3")
    assert not any(widget.key == "train.members" for widget in alone.number_input)
    assert in_words(Convolution("conv", 8, kernel=3, groups=4)).endswith(", in 4 groups")
    assert "groups" not in in_words(Convolution("conv", 8, kernel=3))


def test_the_bundled_model_is_offered_where_it_fits(open_page):
    app = open_page("train", dataset="mnist", model="mixed-committee-cnn")
    assert app.selectbox(key="train.start_from").options == ["Random weights, as usual", "The bundled model"]
    begin_from(
        TrainingState.create(BUNDLED, load("digits")).network,
        BUNDLED.model_copy(update={"start_from": "pretrained"}),
        "0123456789",
    )
    app = open_page(
        "train", dataset="mnist", model="mixed-committee-cnn", members="1"
    )  # as its preset makes one member
    assert app.selectbox(key="train.start_from").options == ["Random weights, as usual"]


def test_a_run_on_a_phone_has_its_way_to_the_settings(open_page):
    run = finished()
    told = [element.proto.body for element in open_page("train", run=run.run_id).get("html")]
    assert any('href="#train-settings"' in text for text in told)
    assert any('id="train-settings"' in text for text in told)


# The runs


@pytest.mark.parametrize(("language", "recording"), [("en", "recorded earlier"), ("zh", "事先录下")])
def test_a_first_visit_sees_a_recorded_run_labelled_as_such(open_page, language, recording):
    app = open_page("train", language=language)
    assert recording in shown(app)
    assert not app.error


@pytest.mark.parametrize(("language", "words"), [("en", "Class by class"), ("zh", "逐类来看")])
def test_a_finished_run_shows_what_it_is_worth(open_page, language, words):
    run = finished()
    (tested,) = [event for event in run.read()[0] if event.kind == "tested"]
    app = open_page("train", language=language, run=run.run_id)
    text = shown(app)
    assert words in text
    assert f"{tested.accuracy:.2%}" in text
    assert f"{tested.loss:.4f}" in text
    assert len(app.get("image")) == len(tested.mistakes) <= 20
    assert app.selectbox(key="train.model").value == "linear"  # the link names the run, the form shows its settings
    links = [element.proto for element in app.get("page_link")]
    assert any(run.run_id in str(proto) for proto in links)
    assert all(button.key not in {"train.stop", "train.resume"} for button in app.button)


def test_an_interrupted_run_keeps_its_curves_and_offers_to_go_on(open_page, monkeypatch):
    run = finished()
    (run.path / "summary.json").unlink()
    lines = run.events_path.read_text().splitlines()
    run.events_path.write_text("\n".join(lines[:-2]) + "\n")  # killed before the test
    assert run.status() == "interrupted"
    resumed = []
    monkeypatch.setattr(launch, "start", resumed.append)
    app = open_page("train", run=run.run_id)
    assert "Interrupted" in shown(app)
    app.button(key="train.resume").click().run()
    assert [run.run_id for run in resumed] == [run.run_id]


def test_a_diverged_run_says_what_to_do_and_does_it(open_page, started):
    run = finished(QUICK.model_copy(update={"learning_rate": 0.2}))
    lines = run.events_path.read_text().splitlines()
    run.events_path.write_text("\n".join([*lines[:-2], to_json(Ended(reason="diverged"))]) + "\n")
    (run.path / "summary.json").write_text('{"reason": "diverged"}')
    app = open_page("train", run=run.run_id)
    assert "The loss of a batch rose to" in shown(app)
    button = app.button(key="train.try.learning-rate-too-high")
    assert button.label == "Try it: Learning rate 0.2 → 0.02"
    button.click().run()
    assert [(new.config.learning_rate, new.config.model) for new in started] == [(0.02, "linear")]
    assert app.text_input(key="train.learning_rate.exact").value == "0.02"


def test_a_failed_run_tells_the_reason_in_the_visitor_s_language(open_page):
    run = finished()
    ended = Ended(
        reason="failed",
        message="{name} must be in {allowed}; got {value}.",
        values={"name": "device", "allowed": "[0, 1]", "value": "mps"},
    )
    run.events_path.write_text(to_json(ended) + "\n")
    (run.path / "summary.json").write_text('{"reason": "failed"}')
    app = open_page("train", language="zh", run=run.run_id)
    assert "mps" in app.error[0].value
    assert "must be in" not in app.error[0].value


def test_a_dataset_that_could_not_be_had_leaves_a_way_on(open_page):
    run = finished(QUICK.model_copy(update={"dataset": "kmnist"}))
    run.events_path.write_text(to_json(Ended(reason="failed", message="No network.", values={})) + "\n")
    (run.path / "summary.json").write_text('{"reason": "failed"}')
    app = open_page("train", run=run.run_id)
    app.button(key="train.at_hand").click().run()
    assert app.selectbox(key="train.dataset").value == "digits"


def test_a_live_run_is_watched_and_can_be_stopped(open_page, started):
    app = open_page("train", model="linear")
    app.button(key="train.start").click().run()
    (run,) = started
    assert "Starting" in shown(app)
    app.button(key="train.stop").click().run()
    assert run.stop_requested()
    assert "Stopping" in shown(app)
    assert app.button(key="train.stop").disabled


def test_only_the_owner_steers(open_page):
    run = directory.create(QUICK, owner="somebody-else-entirely")
    app = open_page("train", run=run.run_id)
    assert "Starting" in shown(app)
    assert all(button.key != "train.stop" for button in app.button)
    assert not app.button(key="train.start").disabled


def test_a_start_that_fails_is_a_sentence(open_page, monkeypatch):
    def fail(_run):
        raise UserError("Cannot write to {path}.", path="here")

    monkeypatch.setattr(launch, "start", fail)
    app = open_page("train")
    app.button(key="train.start").click().run()
    assert "Cannot write" in shown(app)


def test_my_runs_are_listed_and_open(open_page):
    first, second = finished(), finished(QUICK.model_copy(update={"model": "mlp"}))
    directory.create(QUICK, owner="somebody-else-entirely")
    app = open_page("train", run=first.run_id)
    rows = [button for button in app.button if (button.key or "").startswith("train.open.")]
    assert {row.key for row in rows} == {f"train.open.{run.run_id}" for run in (first, second)}
    app.button(key=f"train.open.{second.run_id}").click().run()
    assert app.query_params["run"] == second.run_id
    assert app.selectbox(key="train.model").value == "mlp"


def test_presets_are_all_expressible_in_the_form(open_page):
    for preset in PRESETS.values():
        app = open_page("train", **link.parameters(preset.config, ""))
        assert not app.error
        assert app.query_params["learning_rate"] == f"{preset.config.learning_rate:.12g}"


def test_durations_are_said_as_people_say_them(monkeypatch):
    monkeypatch.setattr("streamlit.context", SimpleNamespace(locale="en"))
    assert [duration(s) for s in (0.2, 89.5, 91, 3600, 7300)] == ["1 s", "90 s", "2 min", "60 min", "2 h 2 min"]


def test_a_run_that_stops_early_says_why(open_page):
    run = finished(QUICK.model_copy(update={"epochs": 30, "target_accuracy": 0.3}))
    text = shown(open_page("train", run=run.run_id))
    assert "reached the target" in text
    assert "never seen" in text
    assert "All epochs" not in text


def test_updates_are_counted_from_the_images_that_are_used():
    config = TrainConfig(dataset="digits", batch_size=10, epochs=2, validation_fraction=0.1, train_fraction=0.5)
    assert planned_updates(config) == (65, 130)  # 1437 - 144 = 1293, half of it 646


# The layers


@pytest.mark.parametrize(
    ("language", "words", "refused"),
    [
        ("en", "Convolution 3×3, padding 1", "Layer 2, maxpool 16, looks through a window of 16×16"),
        ("zh", "卷积 3×3，填充 1", "第 2 层 maxpool 16 的窗口是 16×16 像素"),
    ],
)
def test_the_editor_speaks_the_visitor_s_language(open_page, language, words, refused):
    app = open_page("train", language=language, dataset="digits", model="custom")
    row = next(button for button in app.button if button.key == "train-layer-4")
    assert words in row.label
    assert "→ 32×14×14" in row.label
    app = open_page(
        "train", language=language, dataset="digits", model="custom", seed=5, layers="maxpool 2 / maxpool 16"
    )
    assert refused in app.error[0].value
    assert app.selectbox(key="train.model").value == "custom"
    assert app.number_input(key="train.seed").value == 5
    assert not app.button(key="train.start").disabled


def test_layers_are_added_changed_moved_removed_and_refused_in_place(open_page):
    app = open_page("train", dataset="digits", model="custom")
    app.button(key="train-layer-4").click().run()
    app.number_input(key="train.layer.4.conv.channels").set_value(24).run()
    assert app.query_params["layers"].split(" / ")[4] == "conv 24 3 padding 1"
    app.button(key="train.layer.up").click().run()
    assert [app.query_params["layers"].split(" / ")[place] for place in (3, 4)] == ["conv 24 3 padding 1", "maxpool 2"]
    app.button(key="train.layer.down").click().run()
    app.selectbox(key="train.layer.add").set_value("silu").run()
    assert app.query_params["layers"].split(" / ")[5] == "silu"
    app.button(key="train.layer.remove").click().run()
    assert "silu" not in app.query_params["layers"]

    fitted = app.query_params["layers"]
    app.button(key="train-layer-4").click().run()
    app.selectbox(key="train.layer.4.kind.conv").set_value("maxpool").run()
    assert app.query_params["layers"].split(" / ")[4] == "maxpool 2"
    app.text_area(key="train.layers").set_value(fitted).run()
    app.selectbox(key="train.layer.4.kind.conv").set_value("maxpool").run()
    app.number_input(key="train.layer.4.maxpool.window").set_value(16).run()
    assert "Layer 5, maxpool 16, looks through" in app.error[0].value
    assert app.button(key="train.start").disabled
    assert app.query_params["layers"].split(" / ")[4] == "maxpool 2"  # the last that fitted
    app.button(key="train.layers.undo").click().run()
    assert not app.error
    assert not app.button(key="train.start").disabled


def test_layers_may_be_written_and_what_cannot_be_read_stays_to_be_mended(open_page, started):
    app = open_page("train", dataset="digits", model="custom")
    app.text_area(key="train.layers").set_value("conv 8 3\nrelu\nnonsense 4 / linear 9").run()
    assert "Layer 3: there is no layer called nonsense" in app.error[0].value
    assert "nonsense" in app.text_area(key="train.layers").value
    app.button(key="train-layer-2").click().run()
    app.selectbox(key="train.layer.2.kind.").set_value("maxpool").run()
    assert not app.error
    app.button(key="train.start").click().run()
    (run,) = started
    assert (run.config.model, run.config.layers) == ("custom", "conv 8 3 / relu / maxpool 2 / linear 9")


def test_another_experiment_ends_an_unfinished_edit(open_page):
    app = open_page("train", dataset="digits", model="custom")
    app.text_area(key="train.layers").set_value("foo").run()
    assert app.button(key="train.start").disabled
    app.selectbox(key="train.model").set_value("mlp").run()
    assert not app.error
    assert not app.button(key="train.start").disabled


@pytest.mark.parametrize(("language", "words"), [("en", "Convolution 3×3"), ("zh", "卷积 3×3")])
def test_every_model_shows_its_layers_and_what_they_cost(open_page, language, words):
    app = open_page("train", language=language, dataset="digits", model="article-cnn")
    assert "1,199,882" in shown(app)
    tables = [element.proto.body for element in app.get("html") if "<table" in element.proto.body]
    assert len(tables) == 1
    assert all(text in tables[0] for text in (words, "conv2 → 64×24×24", "18.5\xa0k", "10.6\xa0M"))


def test_the_dropout_of_a_custom_network_is_used_where_a_layer_asks_for_it():
    asks, says = (
        TrainConfig(model="custom", layers=text, optimizer="sgd") for text in ("dropout", "dropout 0.2 / relu")
    )
    assert "dropout" not in unused(asks)
    assert "dropout" in unused(says)


# Keeping, naming, deleting


@pytest.fixture
def as_visitor(monkeypatch):
    """The page's visitor, by a token that the test knows."""
    from ui import visitor
    from ui.training import page

    token = "visitor-of-this-test-0000000"
    monkeypatch.setattr(visitor, "visitor_token", lambda: token)
    monkeypatch.setattr(page, "visitor_token", lambda: token)
    return token


def test_an_own_run_is_pinned_named_deleted_and_brought_back(open_page, as_visitor):
    run = finished(owner=as_visitor)
    app = open_page("train", run=run.run_id)
    app.button(key=f"train.pin.{run.run_id}").click().run()
    app.text_input(key=f"train.name.{run.run_id}").set_value("my *best* run").run()
    assert keeping.label(run) == keeping.Label(name="my *best* run", pinned=True)
    assert r"my \*best\* run" in app.button(key=f"train.open.{run.run_id}").label
    app.button(key=f"train.delete.{run.run_id}").click().run()
    assert "The run was deleted" in shown(app)
    assert directory.list_runs() == []
    assert "run" not in app.query_params
    app.button(key="train.undo").click().run()
    assert [back.run_id for back in directory.list_runs()] == [run.run_id]
    assert app.query_params["run"] == run.run_id
    assert not app.exception


def test_what_is_not_ones_own_has_no_menu(open_page, as_visitor):
    shell, other = finished(), directory.create(QUICK, owner="somebody-else-entirely")
    app = open_page("train", run=other.run_id)
    keys = {button.key for button in app.button}
    assert f"train.open.{shell.run_id}" in keys
    assert not {key for key in keys if key and key.startswith(("train.pin.", "train.delete."))}


def test_a_run_that_goes_on_cannot_be_deleted(open_page, as_visitor, started):
    app = open_page("train", model="linear")
    app.button(key="train.start").click().run()
    (run,) = started
    assert app.button(key=f"train.delete.{run.run_id}").disabled


@pytest.mark.parametrize(("language", "words"), [("en", "cannot go on exactly"), ("zh", "无法一模一样地接着训练")])
def test_a_run_of_another_recipe_says_so(open_page, as_visitor, monkeypatch, language, words):
    from dlcore import formats

    run = finished(owner=as_visitor)
    (run.path / "summary.json").write_text('{"reason": "stopped"}')
    monkeypatch.setattr(formats, "RECIPE", "none-such")
    app = open_page("train", language=language, run=run.run_id)
    assert words in shown(app)
    assert all(button.key != "train.resume" for button in app.button)


def test_and_is_started_again_by_one_click(open_page, as_visitor, started, monkeypatch):
    from dlcore import formats

    run = finished(owner=as_visitor)
    (run.path / "summary.json").write_text('{"reason": "stopped"}')
    monkeypatch.setattr(formats, "RECIPE", "none-such")
    app = open_page("train", run=run.run_id)
    app.button(key="train.again").click().run()
    assert [again.config for again in started] == [run.config]


def test_damage_that_was_got_round_is_told(open_page):
    run = finished()
    lines = run.events_path.read_bytes().splitlines(keepends=True)
    lines[5] = lines[5].replace(b'"loss":', b'"loss":1')
    run.events_path.write_bytes(b"".join(lines))
    assert "1 lines of this run's log are damaged" in shown(open_page("train", run=run.run_id))
