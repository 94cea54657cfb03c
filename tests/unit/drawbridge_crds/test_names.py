import pytest
from drawbridge_crds.names import MAX_LABEL_CHARS, child_name, snapshot_name


@pytest.mark.parametrize(
    ("parent", "suffix", "expected"),
    [
        pytest.param("coder", "-engine", "coder-engine", id="a short name is the parent plus the suffix"),
        pytest.param("a" * 56, "-engine", "a" * 56 + "-engine", id="63 characters are left whole"),
    ],
)
def test_child_name(parent: str, suffix: str, expected: str) -> None:
    assert child_name(parent, suffix) == expected


def test_long_names_are_cut_hashed_and_told_apart() -> None:
    one, other = (child_name("a" * 60 + tail, "-engine") for tail in ("xxxx", "yyyy"))
    assert len(one) == len(other) == MAX_LABEL_CHARS
    assert one != other
    assert one.endswith("-engine")
    assert one == child_name("a" * 60 + "xxxx", "-engine")


def test_the_longest_namespace_has_a_snapshot_name_of_its_own() -> None:
    names = {snapshot_name("n" * 62 + tail) for tail in "ab"}
    assert len(names) == 2
    assert all(len(name) <= MAX_LABEL_CHARS for name in names)
