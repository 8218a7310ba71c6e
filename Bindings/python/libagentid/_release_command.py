"""The program that a provider of the package leaves with each lease: it releases without the runtime that acquired it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def main(
    module: str, place: str, release: Callable[[str, Mapping[str, Any]], None], arguments: Sequence[str] | None = None
) -> int | str:  # fmt: skip
    """Runs `python -m MODULE release PLACE`, which reads the lease on stdin; returns what the process exits with."""
    given = sys.argv[1:] if arguments is None else arguments
    if len(given) != 2 or given[0] != "release":
        return f"usage: python -m {module} release {place}  (the lease, JSON, on stdin)"
    try:
        release(given[1], json.load(sys.stdin))
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return 0
