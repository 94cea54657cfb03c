from typing import Any

import pytest
from drawbridge_crds.route import HeaderMatch, InputTokens, Match, Tools
from drawbridge_gateway.dataplane.match import Asked, compile_match


def fits(
    match: Match, *, task: str | None = None, headers: dict[bytes, bytes] | None = None, **asked: Any
) -> bool:
    traits = {"model": "auto", "header": (headers or {}).get, **asked}
    return compile_match(match).fits(Asked(**traits), task)


LONG = Match(input_tokens=InputTokens(min=10, max=20))
TEAM = Match(headers=(HeaderMatch(name="x-team", value="a"), HeaderMatch(name="x-stage", value="ci")))
BOTH = Match(tasks=("refactoring",), models=("auto",))


@pytest.mark.parametrize(
    ("match", "asked", "expected"),
    [
        pytest.param(Match(tasks=("a", "b")), {"task": "b"}, True, id="one of the tasks"),
        pytest.param(Match(tasks=("a", "b")), {"task": "c"}, False, id="another task"),
        pytest.param(Match(tasks=("a",)), {}, False, id="no task where one is wanted"),
        pytest.param(Match(models=("auto", "x")), {"model": "x"}, True, id="one of the models"),
        pytest.param(Match(models=("x",)), {"model": "auto"}, False, id="another model"),
        pytest.param(LONG, {"body_bytes": 39}, False, id="one byte below the least"),
        pytest.param(LONG, {"body_bytes": 40}, True, id="just the least"),
        pytest.param(LONG, {"body_bytes": 83}, True, id="the most, rounded down"),
        pytest.param(LONG, {"body_bytes": 84}, False, id="one byte above the most"),
        pytest.param(
            Match(input_tokens=InputTokens(max=0)), {"body_bytes": 4}, False, id="a most of nothing"
        ),
        pytest.param(Match(tools=Tools.PRESENT), {"has_tools": True}, True, id="tools wanted and there"),
        pytest.param(Match(tools=Tools.PRESENT), {}, False, id="tools wanted, none there"),
        pytest.param(Match(tools=Tools.ABSENT), {"has_tools": True}, False, id="tools unwanted and there"),
        pytest.param(TEAM, {"headers": {b"x-team": b"a", b"x-stage": b"ci"}}, True, id="all headers"),
        pytest.param(TEAM, {"headers": {b"x-team": b"a"}}, False, id="one header of two"),
        pytest.param(TEAM, {"headers": {b"x-team": b"A", b"x-stage": b"ci"}}, False, id="values with case"),
        pytest.param(BOTH, {"task": "refactoring"}, True, id="all fields of a match"),
        pytest.param(BOTH, {"task": "refactoring", "model": "x"}, False, id="not all fields of a match"),
    ],
)
def test_a_match_holds_when_all_of_it_does(match: Match, asked: dict[str, Any], *, expected: bool) -> None:
    assert fits(match, **asked) is expected
