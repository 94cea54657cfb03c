"""Asks gateways and bridge; their answers are read whole and within bounds."""

import asyncio
from enum import StrEnum
from http import HTTPStatus
from typing import TypeVar

import aiohttp
from pydantic import BaseModel, ValidationError

Answer = TypeVar("Answer", bound=BaseModel)


class Silence(StrEnum):
    """Why one that was asked did not say what was asked for."""

    UNREACHABLE = "does not answer"
    """No connection, no answer in time, or one that broke off."""

    REFUSED = "refuses the operator"
    """HTTP 401 or 403."""

    NOT_LOADED = "does not know the namespace yet"
    """HTTP 404."""

    NONSENSE = "gives an answer that makes no sense"
    """Another HTTP status, or a body that is none of ours."""


async def ask(
    session: aiohttp.ClientSession, url: str, model: type[Answer], max_bytes: int
) -> Answer | Silence:
    """Get what `url` tells; the session brings credentials and time limit."""
    try:
        async with session.get(url, allow_redirects=False) as response:
            if response.status != HTTPStatus.OK:
                return _silence(response.status)
            return model.model_validate_json(await read_whole(response, max_bytes))
    except ValidationError:
        return Silence.NONSENSE
    except (aiohttp.ClientError, OSError, TimeoutError):
        return Silence.UNREACHABLE


async def read_whole(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    """Read the body of an answer, in however many pieces it comes.

    Raises:
        aiohttp.ClientPayloadError: it is longer than `max_bytes`, or broke off.
    """
    try:
        await response.content.readexactly(max_bytes + 1)
    except asyncio.IncompleteReadError as end:
        return end.partial
    raise aiohttp.ClientPayloadError(f"more than {max_bytes} bytes")


def _silence(status: int) -> Silence:
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return Silence.REFUSED
    return Silence.NOT_LOADED if status == HTTPStatus.NOT_FOUND else Silence.NONSENSE
