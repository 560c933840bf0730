"""What there is, found by scanning a folder: adding one more costs one file and no line elsewhere."""

import difflib
import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Generic, TypeVar

from depthwise.errors import UserError

T = TypeVar("T")


def choose(kind: str, name: str, known: Iterable[str]) -> str:
    """Returns `name` if it is among `known`; else raises a UserError that lists the known ones and the nearest."""
    names = sorted(known)
    if name in names:
        return name
    plain = {known.lower().replace("-", "_"): known for known in names}
    near = difflib.get_close_matches(name.lower().replace("-", "_"), plain, n=1, cutoff=0.5)
    hint = f" Did you mean '{plain[near[0]]}'?" if near else ""
    raise UserError(f"unknown {kind} '{name}'.{hint} Known: {', '.join(names)}")


class Registry(Mapping[str, T], Generic[T]):
    """A read-only mapping name -> object over the modules of one package.

    Every module of the package, except `base` and those with a leading underscore, defines a dictionary of the agreed
    name `attribute`; the registry is their union. Modules are imported at first use.

    Args:
        kind: what the objects are, for error messages ("model", "operator").
        package: dotted name of the package that is scanned.
        attribute: name of the dictionary that each module defines.

    Raises:
        UserError: at lookup of an unknown name.
        TypeError: if two modules define the same name.
    """

    def __init__(self, kind: str, package: str, attribute: str) -> None:
        self.kind = kind
        self.package = package
        self.attribute = attribute

    @cached_property
    def _objects(self) -> dict[str, T]:
        objects: dict[str, T] = {}
        package = importlib.import_module(self.package)
        for found in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
            if found.name.startswith("_") or found.name == "base" or found.ispkg:
                continue
            module = importlib.import_module(f"{self.package}.{found.name}")
            for name, thing in getattr(module, self.attribute).items():
                if name in objects:
                    raise TypeError(f"two modules of {self.package} define the {self.kind} '{name}'")
                objects[name] = thing
        return objects

    def __getitem__(self, name: str) -> T:
        return self._objects[choose(self.kind, name, self._objects)]

    def __contains__(self, name: object) -> bool:
        return name in self._objects

    def __iter__(self) -> Iterator[str]:
        return iter(self._objects)

    def __len__(self) -> int:
        return len(self._objects)
