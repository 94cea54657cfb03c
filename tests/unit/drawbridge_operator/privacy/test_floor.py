import pytest
from drawbridge_crds.names import PRIVACY_FLOOR_LABEL
from drawbridge_crds.privacy import Privacy
from drawbridge_operator.kinds import Object
from drawbridge_operator.privacy.floor import floor_of


@pytest.mark.parametrize(
    ("namespace", "floor"),
    [
        pytest.param({"metadata": {"name": "team-a"}}, Privacy.STANDARD, id="no label at all"),
        pytest.param(
            {"metadata": {"labels": {PRIVACY_FLOOR_LABEL: "strict"}}}, Privacy.STRICT, id="a strict floor"
        ),
        pytest.param(None, Privacy.STRICT, id="a namespace that was not found"),
    ],
)
def test_floor(namespace: Object | None, floor: Privacy) -> None:
    assert floor_of(namespace) is floor
