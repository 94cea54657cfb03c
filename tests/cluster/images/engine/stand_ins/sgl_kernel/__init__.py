"""Stands in for SGLang's compiled kernels, whose package exists for CUDA alone but is always imported.

Without Intel's AMX, SGLang computes with torch and needs one function of it.
"""

from collections.abc import Callable
from typing import Any, NoReturn


def assign_req_to_token_pool_cpu(
    req_pool_indices: Any, req_to_token: Any, start: Any, end: Any, out_cache_loc: Any, _pool_len: int
) -> None:
    """Note which cache slots the new tokens got: one row a request, and the slots of all, end to end."""
    used = 0
    for request, first, last in zip(req_pool_indices.tolist(), start.tolist(), end.tolist(), strict=True):
        req_to_token[request, first:last] = out_cache_loc[used : used + last - first]
        used += last - first


def __getattr__(name: str) -> Callable[..., NoReturn]:
    if name.startswith("__"):
        raise AttributeError(name)

    def missing(*_: Any, **__: Any) -> NoReturn:
        raise NotImplementedError(f"sgl_kernel.{name} has no stand-in for a CPU")

    return missing
