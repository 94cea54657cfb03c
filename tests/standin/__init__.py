"""The cloud stand-in: https, Anthropic Messages and OpenAI chat completions. For tests and demos only."""

from .server import Standin, running_standin, standin_thread

__all__ = ["Standin", "running_standin", "standin_thread"]
