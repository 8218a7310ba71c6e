"""The common base of the library's documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NoReturn


class Document(Mapping[str, Any]):
    """A document as the library wrote it."""

    __slots__ = ("_members",)

    _members: dict[str, Any]
    _names: ClassVar[Mapping[str, str]] = {}

    def __init__(self, members: dict[str, Any]) -> None:
        object.__setattr__(self, "_members", members)
        for name in type(self).__slots__:
            object.__setattr__(self, name, members.get(self._names.get(name, name)))

    def __getitem__(self, name: str) -> Any:
        return self._members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __setattr__(self, name: str, _: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}.{name} is not set: it says what was so when it was asked for")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}.{name} is not deleted")

    def __reduce__(self) -> Any:
        return type(self), (self._members,)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in type(self).__slots__)})"
