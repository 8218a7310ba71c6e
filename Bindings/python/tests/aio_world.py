"""What the tests of `libagentid.aio` share: an authority, and calls that wait until they are let go."""

import asyncio
import threading
from contextlib import asynccontextmanager, contextmanager

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from libagentid import aio
from life import ALICE, OWNER, SCOPE, process

SECRET = "hunter2"


class Gate:
    """Holds whoever comes, on whatever thread, until the loop has turned a hundred times more."""

    def __init__(self):
        self.reached, self.open = threading.Event(), threading.Event()

    def __call__(self, *_):
        self.reached.set()
        assert self.open.wait(30), "the loop stands still"

    async def turn(self):
        while not self.reached.is_set():
            await asyncio.sleep(0)
        for _ in range(100):
            await asyncio.sleep(0)

    async def release(self):
        await self.turn()
        self.open.set()


class Signer:
    """Signs with a key of its own, after `wait`."""

    def __init__(self, wait=lambda: None):
        self.key, self.wait = Ed25519PrivateKey.generate(), wait
        self.public_key = self.key.public_key().public_bytes_raw()

    def sign(self, message):
        self.wait()
        return self.key.sign(message)


class Vault:
    """Makes a secret, after `on_acquire`, and takes it back, after `on_release`."""

    release_command = ()

    def __init__(self):
        self.held, self.on_acquire, self.on_release = set(), lambda: None, lambda: None

    def acquire(self, request):
        self.held.add(request["lease"])
        self.on_acquire()
        return SECRET

    def release(self, lease):
        self.on_release()
        self.held.discard(lease["lease"])


@asynccontextmanager
async def opened(directory=None, **options):
    async with aio.Authority.open(directory, trust_domain="acme.example", **options) as acme:
        await acme.put_profile("researcher", owner=OWNER, ceiling=SCOPE)
        yield acme


def start(acme):
    return acme.agent("researcher", principal=ALICE, task="Q3 review", scope=SCOPE)


@contextmanager
def locked(directory):
    """Another process writes in the registry and does not end: the function given lets go."""
    script = "import sqlite3; c = sqlite3.connect(sys.argv[1], isolation_level=None); c.execute('BEGIN IMMEDIATE'); print(flush=True); input()"
    with process(script, directory / "registry.db") as other:
        other.stdout.readline()

        def let_go():
            other.stdin.write("\n")
            other.stdin.flush()

        yield let_go


def states(acme):
    return [agent["state"] for agent in acme.sync.agents()]


async def cancelled(task):
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def entered(starting):
    return await starting
