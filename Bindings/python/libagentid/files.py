"""A broker's provider for tests and machines without a server: a random secret for each lease, which a directory holds meanwhile.

Run as a program it releases one lease: `python -m libagentid.files release DIRECTORY`, the lease as JSON on stdin.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import sys
import uuid
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from libagentid._release_command import main


class FileProvider:
    """Keeps the secret of each lease in a file of its own (0600) until it is released. Safe from several threads and processes.

    `resources`: what an agent can ask for. The guarded thing, such as a test's server, asks `holds(secret, resource)`.
    """

    def __init__(self, directory: str | os.PathLike[str], resources: Collection[str]) -> None:
        self._directory, self._resources = Path(os.path.abspath(directory)), frozenset(resources)
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def release_command(self) -> Sequence[str]:
        """The command that releases a lease after this process has died: this Python."""
        return [sys.executable, "-m", "libagentid.files", "release", str(self._directory)]

    def acquire(self, request: Mapping[str, Any]) -> str:
        """A new secret; raises `LookupError` for a resource that is not known."""
        if request["resource"] not in self._resources:
            raise LookupError(f"there is no resource {request['resource']!r}")
        secret, path = secrets.token_urlsafe(32), _path(self._directory, request["lease"])
        path.unlink(missing_ok=True)  # asked twice for one lease: only the last secret counts
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:
            json.dump({"resource": request["resource"], "secret": secret}, file)
        return secret

    def release(self, lease: Mapping[str, Any]) -> None:
        """Removes the lease's file; does nothing if it is gone."""
        release(self._directory, lease)

    def holds(self, secret: str, resource: str) -> bool:
        """Whether some lease that was not released has this secret for this resource."""
        for path in self._directory.iterdir():
            try:
                kept = json.loads(path.read_text())
            except (OSError, ValueError):  # released meanwhile, or not written yet
                continue
            if hmac.compare_digest(kept["secret"].encode(), secret.encode()) and kept["resource"] == resource:
                return True
        return False


def release(directory: str | os.PathLike[str], lease: Mapping[str, Any]) -> None:
    """Removes a lease's file; does nothing if it is gone."""
    _path(Path(directory), lease["lease"]).unlink(missing_ok=True)


def _path(directory: Path, lease: str) -> Path:
    return directory / str(uuid.UUID(lease))


if __name__ == "__main__":
    sys.exit(main("libagentid.files", "DIRECTORY", release))
