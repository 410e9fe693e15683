"""The demonstrations of the seven fields against closed forms, PyTorch, counting and playing."""

import io
import math
import random
import wave

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from dlcore.concepts import (
    field_driving,
    field_finance,
    field_games,
    field_language,
    field_medical,
    field_speech,
    field_vision,
)


class TestVision:
    def test_the_digits_are_scikit_learns(self):
        bunch, data = load_digits(), field_vision.digits()
        assert np.array_equal(np.concatenate([data.train_images, data.test_images]) * 16, bunch.data)
        assert np.array_equal(np.concatenate([data.train_labels, data.test_labels]), bunch.target)

    def test_the_weights_are_where_pytorchs_gradient_vanishes(self):
        data = field_vision.digits()
        weights = torch.tensor(field_vision.weights(), requires_grad=True)
        inputs = torch.tensor(np.hstack([data.train_images, np.ones((len(data.train_images), 1))]))
        targets = torch.nn.functional.one_hot(torch.tensor(data.train_labels), 10).double()
        loss = ((inputs @ weights - targets) ** 2).sum() + field_vision.RIDGE * (weights[:-1] ** 2).sum()
        loss.backward()
        assert weights.grad.abs().max() < 1e-8

    def test_moving_loses_what_leaves_the_frame_and_nothing_else(self):
        images = np.arange(128, dtype=float).reshape(2, 64) + 1
        there = field_vision.moved(images, 2, -1).reshape(2, 8, 8)
        assert np.array_equal(there[:, :7, 2:], images.reshape(2, 8, 8)[:, 1:, :6])
        assert not there[:, 7].any()
        assert not there[:, :, :2].any()
        assert np.array_equal(field_vision.moved(images, 0, 0), images)

    def test_one_pixel_costs_half_and_moved_examples_give_it_back(self):
        assert field_vision.accuracy(0, 0) > 0.85
        assert field_vision.accuracy(1, 0) < 0.5
        assert field_vision.accuracy(1, 0, trained_on_moved=True) > 0.7


class TestLanguage:
    JUDGE = field_language.learn(["+ good good film", "- bad film"])

    def test_evidence_is_the_logarithm_of_the_counts_ratio(self):
        # Three words: good, film, bad. Praise has 3 tokens, blame 2; each count is raised by one.
        assert self.JUDGE.evidence("good") == pytest.approx(math.log((3 / 6) / (1 / 5)))
        assert self.JUDGE.evidence("never") == 0
        expected = (1 / 2) * (3 / 6) * (2 / 6)
        other = (1 / 2) * (1 / 5) * (2 / 5)
        found = self.JUDGE.probability_of_praise(["good", "film"])
        assert found == pytest.approx(expected / (expected + other))

    def test_order_does_not_matter_and_much_is_bounded(self):
        tokens = ["good", "bad", "film", "bad"]
        assert self.JUDGE.probability_of_praise(tokens) == pytest.approx(self.JUDGE.probability_of_praise(tokens[::-1]))
        assert self.JUDGE.probability_of_praise(["bad"] * 5000) == 0.0
        assert self.JUDGE.probability_of_praise(["good"] * 5000) == 1.0

    def test_chinese_is_cut_at_the_longest_known_word(self):
        words = {"不", "好看", "好", "电影"}
        assert field_language.tokens_of("电影不好看！Very GOOD", words) == ["电影", "不", "好看", "very", "good"]
        assert field_language.tokens_of("猫", words) == ["猫"]
        assert field_language.tokens_of("😀<b>", words) == ["b"]
        assert len(field_language.tokens_of("a " * 5000, words)) == field_language.LONGEST_TEXT // 2

    def test_next_tokens_counts(self):
        after = field_language.next_tokens(["a", "b", "a", "c", "a", "b", "."], "a")
        assert after == [("b", pytest.approx(2 / 3)), ("c", pytest.approx(1 / 3))]
        assert field_language.next_tokens(["a"], "a") == []


class TestSpeech:
    def test_a_tone_peaks_at_its_frequency(self):
        seconds = np.arange(8000) / field_speech.SAMPLE_RATE
        _times, frequencies, levels = field_speech.spectrogram(np.sin(2 * np.pi * 1000 * seconds))
        assert frequencies[levels.mean(1).argmax()] == 1000

    def test_the_spectrogram_is_pytorchs(self):
        sound = field_speech.vowel("a")
        _times, _frequencies, levels = field_speech.spectrogram(sound, 256, 64)
        window = torch.hann_window(256, periodic=False, dtype=torch.float64)
        power = torch.stft(torch.tensor(sound), 256, 64, window=window, center=False, return_complex=True).abs() ** 2
        theirs = 10 * torch.log10((power / power.max()).clamp(min=1e-6))
        assert levels == pytest.approx(theirs.numpy(), abs=1e-6)

    @pytest.mark.parametrize("name", field_speech.FORMANTS)
    def test_a_vowel_is_loudest_near_its_first_resonance(self, name):
        _times, frequencies, levels = field_speech.spectrogram(field_speech.vowel(name), 2048, 512)
        assert abs(frequencies[levels.mean(1).argmax()] - field_speech.FORMANTS[name][0]) <= 70

    def test_a_glide_rises(self):
        _times, frequencies, levels = field_speech.spectrogram(field_speech.gliding_tone())
        loudest = frequencies[levels.argmax(0)]
        assert loudest[-8] > loudest[8] + 300

    def test_the_sound_can_be_played(self):
        with wave.open(io.BytesIO(field_speech.wav(field_speech.sound_of("i", 0.3)))) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
            assert file.getnframes() == 9600


class TestMedicine:
    def test_dice_and_accuracy_by_hand(self):
        found, truth = np.array([[True, True, False, False]]), np.array([[True, False, True, False]])
        assert field_medical.dice(found, truth) == pytest.approx(0.5)
        assert field_medical.pixel_accuracy(found, truth) == pytest.approx(0.5)
        assert field_medical.dice(~truth & truth, ~truth & truth) == 1.0

    def test_the_neighbourhood_is_pytorchs_mean(self):
        picture = field_medical.scan(0).picture
        padded = torch.nn.functional.pad(torch.tensor(picture)[None, None], (2, 2, 2, 2), mode="replicate")
        theirs = torch.nn.functional.avg_pool2d(padded, 5, stride=1)
        assert field_medical.features(picture)[:, 1] == pytest.approx(theirs.numpy().ravel())

    @pytest.mark.parametrize("seed", range(5))
    def test_the_outline_holds_for_its_own_scanner_and_for_no_other(self, seed):
        own, other = field_medical.scan(seed), field_medical.scan(seed, gain=0.8)
        assert field_medical.dice(field_medical.outlined(own.picture), own.truth) > 0.85
        assert field_medical.dice(field_medical.outlined(other.picture), other.truth) < 0.5
        assert field_medical.pixel_accuracy(np.zeros_like(own.truth), own.truth) > 0.97

    def test_bayes_rule(self):
        assert field_medical.positive_predictive_value(0.95, 0.95, 0.01) == pytest.approx(95 / (95 + 495))
        assert field_medical.positive_predictive_value(0, 1, 0.5) == 0


class TestFinance:
    def test_prices_move_one_percent_a_day(self):
        path = field_finance.prices(field_finance.coin_moves(3, 250))
        ratios = path[1:] / path[:-1]
        assert path[0] == pytest.approx(100)
        assert np.all(np.isclose(ratios, 1.01) | np.isclose(ratios, 1 / 1.01))

    def test_the_past_is_explained_and_the_future_is_a_coin(self):
        found = [field_finance.forecast(seed, 200) for seed in range(20)]
        assert all(forecast.past_hits == 1.0 for forecast in found)
        deviation = 0.5 / math.sqrt(20 * field_finance.DAYS)
        assert abs(np.mean([forecast.future_hits for forecast in found]) - 0.5) < 4 * deviation
        assert all(forecast.yesterday_r2 > 0.8 for forecast in found)

    def test_without_neurons_it_is_pytorchs_least_squares(self):
        moves = field_finance.coin_moves(5, field_finance.MEMORY + 2 * field_finance.DAYS)
        windows = torch.tensor(moves).unfold(0, field_finance.MEMORY, 1)[: field_finance.DAYS]
        inputs = torch.hstack([windows, torch.ones(field_finance.DAYS, 1)])
        after = torch.tensor(moves[field_finance.MEMORY :][: field_finance.DAYS])
        said = inputs @ torch.linalg.lstsq(inputs, after[:, None]).solution
        hits = (said[:, 0].sign() == after).double().mean().item()
        assert field_finance.forecast(5, 0).past_hits == pytest.approx(hits)

    def test_the_best_of_a_thousand_coins(self):
        past, future = zip(*(field_finance.luckiest(seed, 1000) for seed in range(20)), strict=True)
        expected = 0.5 + 0.5 * math.sqrt(2 * math.log(1000) / field_finance.DAYS)
        assert np.mean(past) == pytest.approx(expected, abs=0.03)
        assert np.mean(future) == pytest.approx(0.5, abs=0.03)


class TestDriving:
    def test_on_a_straight_road_it_swings_as_the_closed_form_says(self):
        k_offset, k_heading, _bend = field_driving.EXPERT
        drive = field_driving.drive(field_driving.EXPERT, 60, gust=True, winding=False)
        speed, start = 60 / 3.6, field_driving.GUST_SECONDS
        # y'' = -v² k_y y - v k_θ y', y(0) = 0, y'(0) = v · gust: two decaying exponentials.
        roots = np.roots([1, speed * k_heading, speed**2 * k_offset])
        size = speed * field_driving.GUST / (roots[0] - roots[1])
        for second in (4.5, 5.0, 6.0, 8.0):
            t = second - start
            expected = (size * (np.exp(roots[0] * t) - np.exp(roots[1] * t))).real
            found = drive.offset[round(second / field_driving.STEP_SECONDS)]
            assert found == pytest.approx(expected, abs=0.02)

    def test_what_was_shown_to_come_back_steers_as_the_driver_does(self):
        good = field_driving.imitated(with_recoveries=True)
        assert good == pytest.approx(field_driving.EXPERT, rel=0.05)
        blind = field_driving.imitated(with_recoveries=False)
        assert abs(blind[0]) < 0.1 * field_driving.EXPERT[0]
        assert blind[2] == pytest.approx(1, rel=0.02), "bends it has seen"

    @pytest.mark.parametrize("speed", [60, 90, 120])
    def test_only_who_has_seen_it_comes_back_and_delay_undoes_it(self, speed):
        good, blind = (field_driving.imitated(with_recoveries=seen) for seen in (True, False))
        assert field_driving.drive(blind, speed).left_after
        assert field_driving.drive(good, speed).left_after is None
        assert field_driving.drive(good, speed, 800).left_after

    def test_metres_travelled(self):
        assert field_driving.metres_travelled(36, 1000) == pytest.approx(10)


class TestGames:
    def test_there_are_765_boards_up_to_turns_and_mirrors(self):
        seen, waiting = set(), [field_games.EMPTY]
        while waiting:
            board = field_games.canonical(waiting.pop())
            if board not in seen:
                seen.add(board)
                waiting += [field_games.after(board, square) for square in field_games.moves(board)]
        assert len(seen) == 765
        assert set().union(*field_games.recorded().values()) <= seen

    def test_the_record_is_what_learning_gives(self):
        again = field_games.learned((0, 10, 30, 100))
        assert again == {games: field_games.recorded()[games] for games in (0, 10, 30, 100)}
        assert tuple(field_games.recorded()) == field_games.CHECKPOINTS

    def test_in_the_end_nobody_beats_it_and_its_values_have_the_right_sign(self):
        values = field_games.recorded()[10_000]
        for begins in (True, False):
            assert not field_games.beaten_at_best(values, begins=begins)
            assert field_games.beaten_at_best(field_games.recorded()[0], begins=begins)
            assert field_games.against_chance(values, begins=begins)[2] == 0
        board = field_games.EMPTY  # two that nobody beats play a draw
        while field_games.moves(board):
            board = field_games.after(board, field_games.best_move(values, board))
        assert not field_games.winner(board)

    @pytest.mark.parametrize("begins", [True, False])
    def test_the_probabilities_are_what_many_games_give(self, begins):
        values = field_games.recorded()[100]
        draw, results = random.Random(1), []
        for _game in range(3000):
            board = field_games.EMPTY
            while free := field_games.moves(board):
                mine = (field_games.mover(board) == "x") == begins
                board = field_games.after(board, field_games.best_move(values, board) if mine else draw.choice(free))
            results.append({"": 0, "x": 1 if begins else -1, "o": -1 if begins else 1}[field_games.winner(board)])
        win, drawn, loss = field_games.against_chance(values, begins=begins)
        assert win + drawn + loss == pytest.approx(1)
        assert results.count(1) / 3000 == pytest.approx(win, abs=0.03)
        assert results.count(-1) / 3000 == pytest.approx(loss, abs=0.03)
