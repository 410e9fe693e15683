"""How long a search of the resource catalogue takes, over the queries that the tests expect answers to.

python -m bench.search
"""

import statistics
import time

from tests.content.test_resources_search import CHINESE, ENGLISH
from ui.resources.search import search


def main() -> None:
    search("warm up")
    milliseconds = []
    for query in (*ENGLISH, *CHINESE):
        started = time.perf_counter()
        search(query)
        milliseconds.append(1000 * (time.perf_counter() - started))
    p95 = statistics.quantiles(milliseconds, n=20)[-1]
    print(f"{len(milliseconds)} queries: median {statistics.median(milliseconds):.2f} ms, 95 % below {p95:.2f} ms")


if __name__ == "__main__":
    main()
