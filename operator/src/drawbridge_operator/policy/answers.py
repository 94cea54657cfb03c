"""Answers of gateways and bridge, read whole and within bounds."""

import asyncio

import aiohttp


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
