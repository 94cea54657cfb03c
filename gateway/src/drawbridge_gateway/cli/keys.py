"""`drawbridge keys`: make, revoke and list the API keys of a namespace, with the caller's own rights.

A key is printed once, alone on standard output, and kept nowhere; everything else goes to standard error.
"""

import argparse
import json
import secrets
import shlex
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from drawbridge_crds.api_keys import (
    MAX_KEYS_PER_TENANT,
    ApiKeyEntry,
    is_key_id,
    key_digest,
    key_ids_in,
    mint_key,
    without_secrets,
)
from pydantic import ValidationError

from drawbridge_gateway.cli.file_keys import FileKeys
from drawbridge_gateway.cli.key_store import KeyStore, KeyStoreError
from drawbridge_gateway.validation import readable


async def run(args: argparse.Namespace) -> int:
    """Run one of the subcommands; return the exit status."""
    async with _store(args) as store:
        if args.action == "create":
            return await create(store, args, now=datetime.now(UTC))
        if args.action == "revoke":
            return await revoke(store, args)
        return await list_keys(store, args, now=datetime.now(UTC))


@asynccontextmanager
async def _store(args: argparse.Namespace) -> AsyncIterator[KeyStore]:
    if args.file is not None:
        yield FileKeys(Path(args.file), args.namespace)
        return
    # a file needs none of it, and the API server's client takes longer to import than all the rest
    from drawbridge_gateway.api_server import connected  # noqa: PLC0415
    from drawbridge_gateway.cli.cluster_keys import ClusterKeys  # noqa: PLC0415

    async with connected() as api:
        args.namespace = args.namespace or api.namespace
        yield ClusterKeys(api, args.namespace)


async def create(store: KeyStore, args: argparse.Namespace, *, now: datetime) -> int:
    """Make a key and print it.

    Raises:
        KeyStoreError: when the name or a model is malformed, or there are too many keys.
    """
    entries, invalid = await store.entries()
    if len(entries) + len(invalid) >= MAX_KEYS_PER_TENANT:
        raise KeyStoreError(
            f"there are {MAX_KEYS_PER_TENANT} keys already, and no more are used: revoke some, or take "
            "another namespace"
        )
    minted = mint_key(secrets.token_bytes)
    try:
        entry = ApiKeyEntry(
            digest=key_digest(minted.secret),
            name=args.name,
            created=now.replace(microsecond=0),
            expires=now.replace(microsecond=0) + args.expires if args.expires else None,
            models=tuple(args.model) if args.model else None,
        )
    except ValidationError as error:
        raise KeyStoreError(readable(error)) from error
    await store.put(minted.key_id, entry)
    _say(f'API key "{args.name}" with id {minted.key_id} made in {_place(args)}.')
    _say(f"This is the only time it is shown; `{_revoking(minted.key_id, args)}` withdraws it.")
    print(minted.secret)  # noqa: T201 - the command's result
    return 0


async def revoke(store: KeyStore, args: argparse.Namespace) -> int:
    """Withdraw a key: gateways refuse it within seconds.

    Whoever has only the key itself may revoke it too, in whatever form it was pasted; what may be a key, or
    a part of one, is not repeated.
    """
    key_ids = key_ids_in(args.id)
    if await store.remove(args.id):  # an entry that does not parse may have any name
        _say(f"API key {without_secrets(args.id)} revoked in {_place(args)}.")
        return 0
    if len(key_ids) > 1:
        _say("error: what was given holds more than one key: name one of them")
        return 1
    for key_id in key_ids:
        if await store.remove(key_id):
            _say(f"API key {key_id} revoked in {_place(args)}.")
            return 0
    what = next(iter(key_ids), args.id)
    missing = (
        f"there is no API key with id {what} in {_place(args)}"
        if is_key_id(what)
        else f"what was given is neither the id of an API key nor a key in {_place(args)}"
    )
    _say(f"error: {missing}; `drawbridge keys list {_where(args)}` shows the ids")
    return 1


async def list_keys(store: KeyStore, args: argparse.Namespace, *, now: datetime) -> int:
    """Show the keys, as a table or as JSON."""
    entries, invalid = await store.entries()
    ordered = sorted(entries.items(), key=lambda item: (item[1].created, item[0]))
    if args.output == "json":
        rows = [{"id": i, **e.model_dump(mode="json", exclude={"digest"})} for i, e in ordered]
        print(json.dumps(rows, indent=2))  # noqa: T201 - the command's result
    else:
        from drawbridge_gateway.cli.key_table import print_table  # noqa: PLC0415 - the rest needs no tables

        print_table(ordered, now=now)
    for name in invalid:
        shown = without_secrets(name)
        remedy = _revoking(name, args) if shown == name else f"take it out of {_place(args)}"
        _say(f"note: entry {shown} is no API key and opens nothing: {remedy}")
    return 0


def _place(args: argparse.Namespace) -> str:
    return str(args.file) if args.file is not None else f'namespace "{args.namespace}"'


def _revoking(key_id: str, args: argparse.Namespace) -> str:
    """Return the command that withdraws a key, to be pasted as it is."""
    return f"drawbridge keys revoke {shlex.quote(key_id)} {_where(args)}"


def _where(args: argparse.Namespace) -> str:
    """Return the option that leads to where the keys are, whatever the kubeconfig says by then."""
    if args.file is not None:
        return f"--file {shlex.quote(str(args.file))}"
    return f"--namespace {shlex.quote(args.namespace)}"


def _say(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201 - for the person at the terminal
