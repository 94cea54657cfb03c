import pytest
from drawbridge_crds.names import PRIVACY_FLOOR_LABEL
from drawbridge_crds.privacy import Privacy, namespace_floor, stricter


@pytest.mark.parametrize(
    ("labels", "floor"),
    [
        pytest.param({}, Privacy.STANDARD, id="no label is no floor"),
        pytest.param({PRIVACY_FLOOR_LABEL: "strict"}, Privacy.STRICT, id="strict is strict"),
        pytest.param({PRIVACY_FLOOR_LABEL: "Standard"}, Privacy.STANDARD, id="case does not matter"),
        pytest.param({PRIVACY_FLOOR_LABEL: "strcit"}, Privacy.STRICT, id="a misspelt floor closes"),
        pytest.param({PRIVACY_FLOOR_LABEL: ""}, Privacy.STRICT, id="an empty floor closes"),
    ],
)
def test_namespace_floor(labels: dict[str, str], floor: Privacy) -> None:
    assert namespace_floor(labels) == floor


def test_the_stricter_level_wins_in_any_order() -> None:
    assert stricter(Privacy.STANDARD, Privacy.STRICT) == Privacy.STRICT
    assert stricter(Privacy.STRICT, Privacy.STANDARD) == Privacy.STRICT
    assert stricter(Privacy.STANDARD, Privacy.STANDARD) == Privacy.STANDARD
