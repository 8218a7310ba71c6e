"""What the tests of the life of agents share: an authority with a profile, processes to be killed, patience."""

import json
import os
import pathlib
import subprocess
import sys
import time
from contextlib import contextmanager

import jsonschema
import libagentid
import pytest
import referencing
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from libagentid.documents import Document

ALICE, OWNER = "user:alice@acme.example", "team:research@acme.example"
SCOPE = "read_file(path under '/data')"
CALL = ("read_file", {"path": "/data/a.csv"})
SCHEMAS = pathlib.Path(__file__).resolve().parents[3] / "docs/schemas"
REGISTRY = referencing.Registry().with_resources(
    (schema["$id"], referencing.Resource.from_contents(schema))
    for schema in (json.loads(p.read_text()) for p in SCHEMAS.glob("*.json"))
)


class Store:
    """A provider with one secret."""

    release_command = ()

    def acquire(self, request, /):
        return "the secret"

    def release(self, lease, /):
        pass


class Elsewhere:
    """A signer whose key the library never sees."""

    def __init__(self):
        self.key = Ed25519PrivateKey.generate()
        self.sign = self.key.sign
        self.public_key = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def left_out(reason: str) -> None:
    """Skips what cannot run here, visibly; in CI all must run."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason, allow_module_level=True)


def check(name: str, document: object) -> None:
    """Holds a document to its schema."""
    jsonschema.Draft202012Validator({"$ref": f"urn:agentid:schema:{name}"}, registry=REGISTRY).validate(
        dict(document) if isinstance(document, Document) else document
    )


def open_authority(directory=None, **options):
    acme = libagentid.Authority.open(directory, trust_domain="acme.example", **options)
    if not acme.profiles():
        acme.put_profile("researcher", owner=OWNER, ceiling=SCOPE)
    return acme


def start(acme, principal=ALICE, profile="researcher", **options):
    return acme.agent(profile, principal=principal, task="Q3 review", scope=SCOPE, **options)


def later(seconds=3600):
    """The machine's clock, so far ahead that what a dead process held has run out."""
    return lambda: time.time() + seconds


def reaped(acme, count):
    """Reaps until so many have ended: not before the machine's steady clock says that their leases are over."""
    ended = 0

    def reap():
        nonlocal ended
        ended += acme.reap()
        return ended >= count

    until(reap)
    return ended


def until(condition, seconds=30):
    """Waits for what another thread or process does."""
    end = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
    return answer


@contextmanager
def process(script, *arguments):
    """A process that runs `script` and is killed at the end, if it still runs."""
    script = f"import sys; sys.path.insert(0, {str(pathlib.Path(__file__).parent)!r})\nfrom life import *\n{script}"
    with subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def killed(script, *arguments):
    """What a process printed, as JSON, that is killed as soon as it has."""
    with process(script + "\nimport signal; sys.stdout.flush(); signal.pause()", *arguments) as child:
        return json.loads(child.stdout.readline())
