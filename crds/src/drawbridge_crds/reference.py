"""Write the reference of both resources from the models: `python -m drawbridge_crds.reference DIRECTORY`.

All that it says stands in the code: fields, bounds and defaults in the schema, meanings in docstrings,
rules beside their CEL, and what is accepted but not acted on yet in `not_yet`.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

from pydantic import BaseModel

from drawbridge_crds import docstrings, names
from drawbridge_crds.api_keys import KEYS_CONFIG_MAP, MAX_KEYS_PER_TENANT, ApiKeyEntry
from drawbridge_crds.conditions import ConditionType, Reason
from drawbridge_crds.engine import REFUSED_ENGINE_FLAGS
from drawbridge_crds.fields import PlacedRule, Row, read_not_yet, read_rows, read_rules
from drawbridge_crds.generate import Schema, policy_crd, pool_crd, structural, write
from drawbridge_crds.policy import RoutingPolicy, RoutingPolicySpec, RoutingPolicyStatus
from drawbridge_crds.pool import InferencePool, InferencePoolSpec, InferencePoolStatus
from drawbridge_crds.rules import REMOVE_IT, Unimplemented

HEADER = "<!-- Generated from crds/src by `make generate`; do not edit. -->\n"


def pages() -> dict[str, str]:
    """Render every generated page: file name to Markdown."""
    pool = _resource(InferencePool, pool_crd(), InferencePoolSpec, InferencePoolStatus)
    policy = _resource(RoutingPolicy, policy_crd(), RoutingPolicySpec, RoutingPolicyStatus)
    rendered = {
        "inferencepool.md": [*pool, *_engine_flags()],
        "routingpolicy.md": policy,
        "conditions.md": _conditions(),
        "names.md": _names(),
    }
    return {name: HEADER + "\n".join(lines) + "\n" for name, lines in rendered.items()}


def _resource(
    model: type[BaseModel], crd: Schema, spec: type[BaseModel], status: type[BaseModel]
) -> list[str]:
    [version] = crd["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]["properties"]
    rows = read_rows(spec, schema["spec"], "spec")
    observed = read_rows(status, schema["status"], "status")
    rules = [*_rules_of_root(model), *read_rules(spec, "spec")]
    return [
        f"# {model.__name__}",
        "",
        *_introduction(model, crd, version),
        *_sections(rows, rules),
        *_not_yet(read_not_yet(spec, "spec"), _UNTIL_REMOVED[model]),
        *_defaults(rows),
        "## Status",
        "",
        *_table(
            ("Field", "Type", "Meaning"),
            ((f"`{r.path}`", _cell(r.type), _meaning(r)) for r in observed),
        ),
        "Condition types and reasons: [conditions](conditions.md).",
        "",
        *_columns(crd, version, observed),
    ]


def _introduction(model: type[BaseModel], crd: Schema, version: Schema) -> list[str]:
    group, kinds = crd["spec"]["group"], crd["spec"]["names"]
    return _lines(f"""
        {docstrings.one_line(model.__doc__ or "")}

        `apiVersion: {group}/{version["name"]}`, `kind: {kinds["kind"]}`, namespaced. In kubectl:
        `{crd["metadata"]["name"]}`, or short `{kinds["shortNames"][0]}`.
        Unknown fields are refused by `kubectl apply` (strict field validation); a field left out has its
        default. `[]` in a path stands for each item of a list.
        """)


def _rules_of_root(model: type[BaseModel]) -> list[PlacedRule]:
    return [PlacedRule("metadata.name", rule) for rule in getattr(model, "rules", ())]


_UNTIL_REMOVED: Final[dict[type[BaseModel], str]] = {
    InferencePool: """
        Until it is removed the pool is left as it is: what runs goes on as before, isolated, and a new pool
        gets nothing but its NetworkPolicy.
        """,
    RoutingPolicy: """
        Until it is removed the policy counts as none: as in a namespace without a policy, the pools answer by
        their names and no cloud does. Only the policy's privacy holds. The settings marked "harmless" are an
        exception: without them a policy cannot send a request anywhere it should not go. A policy that uses
        no others of the list is in force without them.
        """,
}
"""What a setting that nothing acts on yet means for the rest of its resource."""


def _not_yet(settings: Iterable[Unimplemented], until_removed: str) -> list[str]:
    heading = f"""
        ## Not acted on yet

        The schema knows these settings so that resources need not change later. Using one gives the condition
        `Accepted=False`, reason `NotImplemented`, with its path and what to do.
        {until_removed.strip()}
        """
    return [*_lines(heading), *map(_setting, settings), ""]


def _setting(setting: Unimplemented) -> str:
    harmless = "" if setting.guards else " (harmless)"
    remedy = "" if setting.remedy == REMOVE_IT else f": {setting.remedy}"
    return f"- `{setting.path}`{harmless}{remedy}"


def _sections(rows: Iterable[Row], rules: Iterable[PlacedRule]) -> Iterator[str]:
    """Show one section for each field of the spec that has fields of its own, after one for those without."""
    by_section: dict[str, list[Row]] = {"spec": []}
    rows = list(rows)
    for row in rows:
        top = ".".join(row.path.split(".")[:2])
        is_alone = row.path == top and not any(r.path.startswith(f"{top}.") for r in rows)
        by_section.setdefault("spec" if is_alone else top, []).append(row)
    rules = list(rules)
    after = ("Not acted on yet", "Every default", "Status")
    yield from _lines(" · ".join(_link(heading) for heading in (*by_section, *after)))
    for section, members in by_section.items():
        yield from (f"## {section}", "")
        yield from _table(
            ("Field", "Type", "Default", "Meaning"),
            ((f"`{r.path}`", _cell(r.type), _default(r), _meaning(r)) for r in members),
        )
        yield from _rules([r for r in rules if _is_in(r.path, section)])


def _link(heading: str) -> str:
    """Link to a heading as GitHub names its anchor."""
    return f"[{heading}](#{re.sub(r'[^a-z0-9 -]', '', heading.lower()).replace(' ', '-')})"


def _is_in(path: str, section: str) -> bool:
    if section == "spec":
        return path in {"spec", "metadata.name"}
    return path == section or path.startswith((f"{section}.", f"{section}["))


def _rules(rules: list[PlacedRule]) -> Iterator[str]:
    if not rules:
        return
    yield from ("Rules, and what the API server answers where one is broken:", "")
    yield from _table(("Object", "Message"), ((f"`{r.path}`", _cell(r.rule.message)) for r in rules))


def _default(row: Row) -> str:
    if row.required:
        return "**required**"
    return f"`{row.default}`" if row.default else ""


def _meaning(row: Row) -> str:
    parts = [_cell(row.meaning)]
    if any(meaning for _, meaning in row.values):
        parts += [f"`{value}`: {_cell(meaning)}" for value, meaning in row.values]
    if row.same_as:
        parts.append(f"Fields: as `{row.same_as}`.")
    if row.not_yet:
        parts.append(f"**Not acted on yet:** {', '.join(f'`{setting}`' for setting in row.not_yet)}.")
    return "<br>".join(part for part in parts if part)


def _defaults(rows: Iterable[Row]) -> Iterator[str]:
    yield from _lines("""
        ## Every default

        Static ones are written into the stored object by the API server. Computed ones are not: they follow
        what they are computed from.
        """)
    yield from _table(
        ("Field", "Default", "Kind"),
        (
            (f"`{r.path}`", f"`{r.default}`" if r.default else _cell(r.when_unset), r.kind_of_default)
            for r in rows
            if r.kind_of_default
        ),
    )


def _columns(crd: Schema, version: Schema, status: Iterable[Row]) -> Iterator[str]:
    unreported = {f".{row.path}" for row in status if "Not reported yet." in row.meaning}
    yield from (f"## What `kubectl get {crd['spec']['names']['shortNames'][0]}` shows", "")
    yield from _table(
        ("Column", "From", ""),
        (
            (column["name"], f"`{column['jsonPath']}`", _about_column(column, unreported))
            for column in version["additionalPrinterColumns"]
        ),
    )


def _about_column(column: Schema, unreported: Collection[str]) -> str:
    wide = ["with `-o wide`"] if column.get("priority") else []
    empty = ["empty in this version: not reported yet"] if column["jsonPath"] in unreported else []
    return "; ".join(wide + empty)


def _engine_flags() -> list[str]:
    flags = ", ".join(f"`{flag}`" for flag in REFUSED_ENGINE_FLAGS)
    return _lines(f"""
        ## Engine flags that are refused

        In `spec.engine.extraArgs` (SGLang 0.5.23), each also in its abbreviations, and standing for all flags
        that begin with it:
        {flags}.
        """)


def _conditions() -> list[str]:
    heading = """
        # Conditions

        Both resources say how they are in `status.conditions` (metav1.Condition): a type, a status (`True`,
        `False`, `Unknown`), a reason for programs, and a message for people that names the object and the
        next step. What to do about one: [troubleshooting](../troubleshooting.md).

        ## Types
        """
    return [
        *_lines(heading),
        *_table(("Type", "Meaning"), _meanings(docstrings.members(ConditionType).items())),
        *("## Reasons", ""),
        *_table(("Reason", "Meaning"), _meanings(sorted(docstrings.members(Reason).items()))),
    ]


def _names() -> list[str]:
    labels = [
        (value, meaning)
        for name, meaning in docstrings.constants(names).items()
        if str(value := getattr(names, name)).startswith(f"{names.GROUP}/")
    ]
    entry = read_rows(ApiKeyEntry, structural(ApiKeyEntry), "")
    after_labels = f"""
        Children carry Kubernetes' recommended labels too (`app.kubernetes.io/name`, `instance`, `component`,
        `part-of`, `managed-by: drawbridge-operator`). A child's name is the pool's and a suffix; over
        {names.MAX_LABEL_CHARS} characters it is cut and a digest added.

        ## An API key's entry

        What a ConfigMap with the label `{names.KEYS_LABEL}: "true"` holds under a key's id, as JSON.
        `drawbridge keys` writes them to `{KEYS_CONFIG_MAP}`; at most {MAX_KEYS_PER_TENANT:,} are used in a
        namespace.
        """
    return [
        *("# Labels and names", "", "## Labels", ""),
        *_table(("Label", "Meaning"), _meanings(labels)),
        *_lines(after_labels),
        *_table(
            ("Field", "Type", "Default", "Meaning"),
            ((f"`{r.path}`", _cell(r.type), _default(r), _meaning(r)) for r in entry),
        ),
    ]


def _lines(text: str) -> list[str]:
    """Return the lines of an indented text, and an empty one."""
    return [line.strip() for line in text.strip().splitlines()] + [""]


def _meanings(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    return ((f"`{name}`", _cell(meaning)) for name, meaning in pairs)


def _table(head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in row)} |"
    yield ""


def _cell(text: str) -> str:
    """Keep text from being read as HTML. In code, between backticks, Markdown reads none."""
    parts = text.split("`")
    parts[::2] = [part.replace("<", "&lt;").replace(">", "&gt;") for part in parts[::2]]
    return "`".join(parts)


if __name__ == "__main__":
    write(pages())
