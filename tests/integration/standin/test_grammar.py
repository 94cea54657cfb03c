"""What a model name or a fault header may say."""

import pytest

from tests.standin.errors import RefusedError
from tests.standin.faults import HEALTHY, MAX_COUNTS, NAMES, Fault, Faults, break_at, parse


@pytest.mark.parametrize(
    ("spec", "fault", "first"),
    [
        pytest.param("500", Fault(status=500), None, id="a status"),
        pytest.param("429-first-2--mine", Fault(status=429, retry_after_s=1), 2, id="a count and a label"),
        pytest.param("503-30s", Fault(status=503, retry_after_s=30), None, id="a retry-after"),
        pytest.param("slow", Fault(first_byte_s=2.0), None, id="slow by default"),
        pytest.param("slow-0.25s-first-1", Fault(first_byte_s=0.25), 1, id="slow for a time, once"),
        pytest.param("slow-stream-1s", Fault(delta_s=1.0), None, id="a slow stream is not slow"),
        pytest.param("cut-after-0", Fault(breakage="cut", deltas=0), None, id="cut before any content"),
        pytest.param("malformed--x", Fault(breakage="malformed", deltas=2), None, id="a label alone"),
        pytest.param("reset", Fault(reset=True), None, id="reset"),
    ],
)
def test_a_fault_is_read(spec: str, fault: Fault, first: int | None) -> None:
    assert parse(spec) == (fault, first)


@pytest.mark.parametrize("name", NAMES)
def test_every_listed_name_is_a_fault(name: str) -> None:
    fault, first = parse(name)
    assert fault != HEALTHY
    assert first is None


@pytest.mark.parametrize(
    "spec",
    ["", "418", "4290", "429-after-2", "cut-2s", "reset-1s", "slow-s", "500-first-", "500 ", "500-first-2x"],
)
def test_anything_else_is_refused_with_the_list(spec: str) -> None:
    with pytest.raises(RefusedError, match="error-midstream") as caught:
        parse(spec)
    assert caught.value.status == 404


def test_counts_are_kept_apart_by_the_whole_fault() -> None:
    faults = Faults()
    chosen = [faults.choose(f"standin-500-first-1--{label}", None) for label in ("a", "b", "a", "b")]

    assert chosen == [Fault(status=500)] * 2 + [HEALTHY] * 2


def test_other_models_are_healthy() -> None:
    assert [Faults().choose(model, None) for model in ("gpt-4o-mini", "standin", None)] == [HEALTHY] * 3


def test_counts_are_bounded() -> None:
    faults = Faults()
    for number in range(MAX_COUNTS + 1):
        faults.choose(f"standin-500-first-1--{number}", None)

    assert faults.choose("standin-500-first-1--0", None) == Fault(status=500)  # the oldest was dropped
    assert faults.choose(f"standin-500-first-1--{MAX_COUNTS}", None) == HEALTHY


@pytest.mark.parametrize(
    ("is_content", "deltas", "at"),
    [
        pytest.param([False, True, True, False], 0, 1, id="before the first delta"),
        pytest.param([False, True, True, False], 1, 2, id="between two"),
        pytest.param([False, True, True, False], 2, 3, id="after the last"),
        pytest.param([False, True, True, False], 9, 3, id="too few deltas: after the last"),
        pytest.param([False, False], 2, 0, id="no delta at all: at once"),
    ],
)
def test_where_an_answer_breaks(is_content: list[bool], deltas: int, at: int) -> None:
    assert break_at(is_content, deltas) == at
