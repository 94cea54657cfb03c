"""Stands in for Triton, 690 MB that compile GPU kernels: SGLang defines its own on import and runs none here.

Whatever is imported from it is there: decorators return what they decorate, classes can be made or inherited.
"""

import sys
from collections.abc import MutableSequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__version__ = "0"


class StandIn(ModuleType):
    """A module, function or decorator, as it is used."""

    __path__: MutableSequence[str] = []  # noqa: RUF012 - as ModuleType has it; makes submodules possible

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name[0].isupper():
            return type(name, (), {"__init__": lambda *_, **__: None})
        return StandIn(f"{self.__name__}.{name}")

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Decorate: `@jit` is called with the function, `@autotune(configs)` returns what will be."""
        bare = len(arguments) == 1 and callable(arguments[0]) and not options
        return arguments[0] if bare else lambda function: function


class Submodules(MetaPathFinder, Loader):
    """Makes every `import triton.some.thing` succeed."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:  # noqa: ARG002 - importlib's signature
        return ModuleSpec(fullname, self, is_package=True) if fullname.startswith("triton.") else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing to run."""


sys.meta_path.insert(0, Submodules())
sys.modules[__name__].__class__ = StandIn
