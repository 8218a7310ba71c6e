"""FastAPI with and without a guard: requests a second on loopback, and the processor's time that the server takes for each.

    Tests/Integrations/run http_fastapi && .build-integrations/http_fastapi/bin/python Benchmarks/integrations/http.py [REQUESTS [ROUNDS]]

AGENTID_LIBRARY and PYTHONPATH as for the other benchmarks. Each round serves the same requests, signed before the clock starts, over
four kept connections, from the same application with and without the middleware, in turns. The processor's time repeats where
the machine is shared; requests a second do not.
"""

from __future__ import annotations

import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import libagentid
from libagentid.http._client import Presenter

ROUTES = {"GET /users/{id}": "get_user", "POST /notes": "write"}
APP = """
import os, socket
from fastapi import FastAPI
app = FastAPI()

@app.get("/users/{id}")
async def get_user(id: str):
    return {"id": id}

if os.environ["GUARDED"] == "1":
    from libagentid.http import guarding
    from libagentid.http.asgi import GuardMiddleware
    app.add_middleware(GuardMiddleware, guard=guarding(os.environ["AUTHORITY"], audience="files"), routes={"GET /users/{id}": "get_user"})
import uvicorn
listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio sets no TCP_NODELAY for another
listening.bind(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
server.run([listening])
"""


class Server:
    """One server process."""

    def __init__(self, directory: str, guarded: bool) -> None:
        variables = {**os.environ, "GUARDED": str(int(guarded)), "AUTHORITY": directory}
        self.process = subprocess.Popen([sys.executable, "-c", APP], env=variables, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def seconds(self) -> float:
        """Of the processor, until now."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """Resident, in MiB."""
        return int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    def take(self, requests: list[bytes]) -> tuple[float, float]:
        """Sends all over four connections; requests a second, and microseconds of the processor for each."""
        before, start = self.seconds(), time.perf_counter()
        threads = [threading.Thread(target=self._send, args=(requests[part::4],)) for part in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return len(requests) / (time.perf_counter() - start), (self.seconds() - before) / len(requests) * 1e6

    def _send(self, requests: list[bytes]) -> None:
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for request in requests:
                connection.sendall(request)
                answer = b""
                while not answer.endswith(b"}"):
                    answer += connection.recv(65536)
                if not answer.startswith(b"HTTP/1.1 200"):
                    raise SystemExit(f"not permitted: {answer!r}")


def requests_for(agent: libagentid.Agent, count: int) -> list[bytes]:
    presenter, found = Presenter(agent, audience="files", routes=ROUTES), []
    for index in range(count):
        headers = presenter.sending("GET", f"http://files/users/{index}", b"", None).headers()
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        found.append(f"GET /users/{index} HTTP/1.1\r\nHost: files\r\n{lines}\r\n".encode())
    return found


def main() -> None:
    count, rounds = (int(value) for value in [*sys.argv[1:], "2000", "5"][:2]) if len(sys.argv) < 3 else map(int, sys.argv[1:3])
    found: list[tuple[tuple[float, float], tuple[float, float]]] = []
    with tempfile.TemporaryDirectory() as folder, libagentid.Authority.open(f"{folder}/acme", trust_domain="acme.example") as acme:
        acme.put_profile("web", owner="team:web@acme.example", ceiling="get_user(id: *)")
        servers = [Server(f"{folder}/acme", guarded) for guarded in (False, True)]
        try:
            with acme.agent("web", principal="user:alice@acme.example", task="load", scope="get_user(id: *)") as agent:
                for _ in range(rounds + 1):  # the first warms up
                    requests = requests_for(agent, count)
                    found.append((servers[0].take(requests), servers[1].take(requests)))
            memory = [server.memory() for server in servers]
        finally:
            for server in servers:
                server.process.terminate()
                server.process.wait()
    bare, guarded = zip(*found[1:], strict=True)
    print("| FastAPI, uvicorn, one worker | requests a second | processor for one, us | resident, MiB |")
    print("| ---------------------------- | ----------------- | --------------------- | ------------- |")
    for name, samples, resident in (("bare", bare, memory[0]), ("guarded", guarded, memory[1])):
        rate, busy = (statistics.median(sample[i] for sample in samples) for i in (0, 1))
        print(f"| {name} | {rate:,.0f} | {busy:.0f} | {resident:.1f} |")
    rate = statistics.median(b[0] / a[0] for a, b in zip(bare, guarded, strict=True))
    busy = statistics.median(a[1] / b[1] for a, b in zip(bare, guarded, strict=True))
    print(f"| guarded / bare | {rate:.2f} | {busy:.2f} (bare / guarded) | |")


if __name__ == "__main__":
    main()
