"""How quickly the demonstrations of the seven fields compute, and the record of tic-tac-toe learned by self-play.

python -m bench.fields            milliseconds of each field's answer over its controls' ranges; no data
python -m bench.fields record     plays ten thousand games; writes content/measured/tic-tac-toe.json; seconds
"""

import json
import statistics
import sys
import time
from collections.abc import Callable

from dlcore.concepts import (
    field_driving,
    field_finance,
    field_games,
    field_language,
    field_medical,
    field_speech,
    field_vision,
)


def timed(answer: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    start = time.perf_counter()
    answer()
    return 1000 * (time.perf_counter() - start)


def fields() -> dict[str, list[float]]:
    """Milliseconds of computing, sorted, of each field's demonstration over its controls' ranges."""
    judge = field_language.learn(
        (field_games.RECORD.parents[1] / "en" / "concepts-opinions.md").read_text("utf-8").splitlines()
    )
    field_vision.weights(trained_on_moved=True)
    field_vision.weights()
    field_medical.discriminant()
    field_games.recorded()

    def scan(seed: int, radius: float, gain: float) -> None:
        made = field_medical.scan(seed, radius, gain=gain)
        field_medical.dice(field_medical.outlined(made.picture), made.truth)

    def price(seed: int, neurons: int) -> None:
        field_finance.forecast(seed, neurons)
        field_finance.luckiest(seed, 1000)

    def sound(name: str, window: int) -> None:
        made = field_speech.sound_of(name, 0.2)
        field_speech.spectrogram(made, window, max(32, window // 4))
        field_speech.wav(made)

    def game(games: int) -> None:
        for begins in (True, False):
            field_games.against_chance(field_games.recorded()[games], begins=begins)

    answers: dict[str, list[Callable[[], object]]] = {
        "vision": [
            lambda r=right, d=down, m=moved: field_vision.accuracy(r, d, trained_on_moved=m)
            for right in range(-2, 3)
            for down in range(-2, 3)
            for moved in (False, True)
        ],
        "language": [
            lambda n=count: judge.probability_of_praise(field_language.tokens_of("not bad " * n, judge.vocabulary))
            for count in range(1, 26)
        ],
        "speech": [
            lambda n=name, w=window: sound(n, w)
            for name in ("a", "i", "u", "glide", "clicks")
            for window in (64, 128, 256, 512, 1024, 2048)
        ],
        "medical": [
            lambda s=seed, r=radius, g=gain: scan(s, r, g)
            for seed in range(5)
            for radius in (0.0, 3.5, 7.0)
            for gain in (0.7, 1.0, 1.3)
        ],
        "finance": [lambda s=seed, n=count: price(s, n) for seed in range(6) for count in (0, 20, 50, 100, 200)],
        "driving": [
            lambda v=speed, d=delay, r=seen: field_driving.drive(field_driving.imitated(with_recoveries=r), v, d)
            for speed in (30, 60, 90, 120)
            for delay in (0, 100, 200, 300, 500, 800)
            for seen in (False, True)
        ],
        "games": [lambda g=games: game(g) for games in field_games.CHECKPOINTS],
    }
    return {name: sorted(timed(each) for each in all_of) for name, all_of in answers.items()}


def record() -> None:
    """Write what the learner knows after each of the recorded numbers of games."""
    learned = field_games.learned(field_games.CHECKPOINTS)
    rows = [f' "{games}": {json.dumps(values)}' for games, values in learned.items()]
    field_games.RECORD.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")


def main() -> None:
    if sys.argv[1:] == ["record"]:
        record()
        return
    for name, times in fields().items():
        p95 = times[int(0.95 * (len(times) - 1))]
        print(f"{name:10} median {statistics.median(times):5.1f} ms, p95 {p95:5.1f} ms, worst {times[-1]:5.1f} ms")


if __name__ == "__main__":
    main()
