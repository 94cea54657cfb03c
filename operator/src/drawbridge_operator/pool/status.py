"""The status of a pool, from its facts. Pure."""

from datetime import datetime

from drawbridge_crds.conditions import Condition, ConditionType, Reason, merge_conditions
from drawbridge_crds.pool import InferencePoolStatus, PoolEngineStatus, PoolModelStatus
from drawbridge_crds.privacy import Privacy, stricter
from pydantic import ValidationError

from drawbridge_operator.kinds import Object
from drawbridge_operator.parse import Unreadable
from drawbridge_operator.pool.checks import (
    accepted,
    available,
    model_ready,
    privacy_enforced,
    progressing,
    ready,
)
from drawbridge_operator.pool.checks.verdict import Verdict, judge
from drawbridge_operator.pool.desired.metadata import engine_selector
from drawbridge_operator.pool.facts import PoolFacts


def make_conditions(facts: PoolFacts, privacy: Privacy) -> list[Condition]:
    """Judge a pool of the privacy in force: all its conditions, without times."""
    chains = {
        ConditionType.ACCEPTED: accepted.CHAIN,
        ConditionType.MODEL_READY: model_ready.CHAIN,
        ConditionType.AVAILABLE: available.CHAIN,
        ConditionType.PROGRESSING: progressing.CHAIN,
    }
    if privacy is Privacy.STRICT:
        chains[ConditionType.PRIVACY_ENFORCED] = privacy_enforced.CHAIN
    conditions = {kind: judge(kind, chain, facts) for kind, chain in chains.items()}
    return [*conditions.values(), ready.summarize(conditions)]


def make_status(facts: PoolFacts, stored: Object, now: datetime) -> Object:
    """Make the status of a pool; `stored` is the one before it, whose transition times live on."""
    pool = facts.pool
    privacy = _privacy(facts, stored)
    status = InferencePoolStatus(
        observed_generation=pool.metadata.generation,
        replicas=facts.alive,
        ready_replicas=facts.ready,
        desired_replicas=facts.wanted,
        selector=",".join(f"{key}={value}" for key, value in sorted(engine_selector(pool).items())),
        ready_summary=f"{facts.ready}/{facts.wanted}",
        effective_privacy=privacy,
        model=_model(facts, stored),
        engine=PoolEngineStatus(image=facts.image.image if facts.image else None),
        conditions=_merged(make_conditions(facts, privacy), stored, pool.metadata.generation, now),
    )
    return status.model_dump(mode="json", by_alias=True, exclude_none=True)


def _model(facts: PoolFacts, stored: Object) -> PoolModelStatus:
    """Tell the model in force: of a pool that is left as it is, the one told before."""
    if facts.not_implemented:
        return PoolModelStatus.model_validate(stored.get("model") or {})
    pool = facts.pool
    return PoolModelStatus(name=pool.served_name, tool_call_parser=pool.spec.model.tool_call_parser)


def make_unreadable_status(pool: Unreadable, stored: Object, now: datetime) -> Object:
    """Make the status of a pool that does not parse.

    What was told of its children stays, and its conditions, which cannot be judged, go. It counts as Strict,
    as it does in the snapshot.
    """
    invalid = Verdict("False", Reason.INVALID, pool.message)
    conditions = [
        invalid.of(ConditionType.ACCEPTED),
        invalid.of(ConditionType.READY),
        privacy_enforced.UNMEASURED.of(ConditionType.PRIVACY_ENFORCED),
    ]
    generation = pool.metadata.generation
    merged = _merged(conditions, stored, generation, now)
    return {
        **stored,
        "observedGeneration": generation,
        "effectivePrivacy": Privacy.STRICT.value,
        "conditions": [condition.model_dump(mode="json", by_alias=True) for condition in merged],
    }


def read_conditions(status: Object) -> list[Condition]:
    """Read the conditions of a stored status, leaving out what does not parse: it is written anew."""
    conditions = []
    for stored in status.get("conditions", ()):
        try:
            conditions.append(Condition.model_validate(stored))
        except ValidationError:
            continue
    return conditions


def _privacy(facts: PoolFacts, stored: Object) -> Privacy:
    """Tell the privacy in force: a pool that is left as it is may become stricter, and nothing else."""
    # the snapshot keeps the earlier privacy of such a pool too; here only the status can still tell it
    if facts.not_implemented and stored.get("effectivePrivacy") == Privacy.STRICT:
        return Privacy.STRICT
    return stricter(facts.pool.spec.privacy, facts.floor)


def _merged(
    conditions: list[Condition], stored: Object, generation: int, now: datetime
) -> tuple[Condition, ...]:
    return tuple(merge_conditions(read_conditions(stored), conditions, generation=generation, now=now))
