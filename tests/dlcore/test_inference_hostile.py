"""Hostile input: each case is read or refused in a sentence. ``python -m bench hostile`` runs many more, and measures."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.hostile_cases import canvas, generated, knock, named, pasted, picture, written

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["Path", "M", "Q", "L"]),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from(["objects", "type", "path", "left", "top", "angle"]) | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=30,
)


@pytest.mark.parametrize("case", [case for case in named() if "megapixels" not in case[0]], ids=lambda case: case[0])
def test_a_named_case_is_read_or_refused(case):
    assert knock(case) in ("read", "refused")


def test_generated_cases_are_read_or_refused():
    outcomes = [knock(case) for case in generated(1200, seed=7)]
    assert {"read", "refused"} == set(outcomes)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(anything)
def test_anything_at_all_is_read_or_refused(value):
    for door in (canvas, written, pasted):
        assert knock(("anything", door, value)) in ("read", "refused")
    assert knock(("objects", canvas, {"objects": value})) in ("read", "refused")


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"BM", b"RIFF....WEBP"]),
)
def test_any_bytes_are_read_or_refused(content, start):
    assert knock(("bytes", picture, start + content)) in ("read", "refused")
