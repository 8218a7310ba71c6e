"""Tools whose arguments have defaults below the top level, and defaults that are made anew: for a module with a function `calling`.

`calling` (functions, script) runs a guarded agent with tools made of functions, whose model asks for the calls of the script.
"""

from datetime import date
from typing import Annotated

import pytest
from pydantic import AfterValidator, BaseModel, Field

SCOPE = (
    "save(name: *, opts: members(mode? in ['ro'], *: *)); ship(all: each(members(mode? in ['ro'], *: *))); "
    "export(name: *, path? under '/data'); book(path under '/data', on: *); free(name: *, path?: *)"
)


class Options(BaseModel):
    mode: str = "rw"
    tags: list[str] = Field(default_factory=list)


def moved(path: str) -> str:
    return path.replace("/data/secret", "/etc")


def functions_of(ran):
    def save(name: str, opts: Options) -> str:
        """Saves."""
        ran.append(("save", _mode(opts)))
        return "saved"

    def ship(all: list[Options]) -> str:
        """Ships."""
        ran.append(("ship", *map(_mode, all)))
        return "shipped"

    def export(name: str, path: Annotated[str, Field(default_factory=lambda: "/etc")]) -> str:
        """Exports."""
        ran.append(("export", path))
        return "exported"

    def free(name: str, path: Annotated[str, Field(default_factory=lambda: "/etc")]) -> str:
        """Exports, anywhere."""
        ran.append(("free", path))
        return "exported"

    def book(path: Annotated[str, AfterValidator(moved)], on: date) -> str:
        """Books."""
        ran.append(("book", path, on))
        return "booked"

    return {each.__name__: each for each in (save, ship, export, free, book)}


def _mode(options):  # some frameworks hand on what the model gave
    return options.mode if isinstance(options, Options) else options.get("mode", "rw")


DENIED = {
    "a member of an argument": ("save", {"name": "x", "opts": {}}),
    "a member of an element": ("ship", {"all": [{"mode": "ro"}, {}]}),
    "a default that is made anew": ("export", {"name": "x"}),
    "an argument that the tool reads as another": ("book", {"path": "/data/secret", "on": "2026-01-02"}),
}
PERMITTED = {
    "a member of an argument": ("save", {"name": "x", "opts": {"mode": "ro"}}),
    "a member of an element": ("ship", {"all": [{"mode": "ro"}]}),
    "a default that is made anew": ("free", {"name": "x"}),
    "an argument that the tool reads as another": ("book", {"path": "/data/a", "on": "2026-01-02"}),
}


@pytest.mark.parametrize("kind", DENIED)
def test_the_guard_decides_what_the_tool_gets(own_world, calling, ran, kind):
    if kind in getattr(calling, "without", ()):
        pytest.skip("the framework has no such arguments")
    own_world(SCOPE)
    functions = functions_of(ran)
    calling([functions[DENIED[kind][0]]], [[DENIED[kind]]])
    assert ran == []
    calling([functions[PERMITTED[kind][0]]], [[PERMITTED[kind]]])
    assert [name for name, *_ in ran] == [PERMITTED[kind][0]]
