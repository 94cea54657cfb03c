"""Logs: one JSON object a line on standard error, ours and the libraries' alike."""

import logging
import sys
from typing import Any, Final

import structlog

LIBRARIES_THAT_QUOTE: Final = ("openai", "anthropic", "httpx", "httpx2", "httpcore2", "aiohttp", "asyncio")
"""Their debug lines show URLs, headers or bodies; they stay at warnings whatever the settings say, also
when OPENAI_LOG or ANTHROPIC_LOG asks for more."""


def configure_logs(level: str, *, for_people: bool = False) -> None:
    """Send structlog and logging to standard error, from `level` ("info") up, as JSON or for a terminal."""
    renderer: Any = structlog.dev.ConsoleRenderer() if for_people else structlog.processors.JSONRenderer()
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # plain text: tracebacks with local variables would show prompts and keys
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in LIBRARIES_THAT_QUOTE:
        logger = logging.getLogger(name)
        logger.handlers = []  # OPENAI_LOG installs one of its own
        logger.setLevel(logging.WARNING)
    # its information lines say what we log ourselves
    logging.getLogger("uvicorn.error").setLevel(max(logging.WARNING, root.level))
