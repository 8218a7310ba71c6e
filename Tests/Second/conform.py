"""The other verifier: a process that speaks the protocol of `agentidctl conform`."""

from __future__ import annotations

import json
import select
import subprocess

TIMEOUT = 20.0


class Adapter:
    """Asks, and starts the process anew where it ended or does not answer: no answer is an answer, and a wrong one."""

    def __init__(self, command: list[str]) -> None:
        self.command = command
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if exchange(process, '{"type":"hello","runner":"0.2","corpus_version":"aat-02"}') is None:
            raise SystemExit(f"{' '.join(self.command)}: no answer to hello")
        return process

    def ask(self, line: str) -> tuple[str, str]:
        """The decision ("allow", "deny", or what went wrong) and the reason."""
        answer = exchange(self.process, line)
        if answer is None:
            self.process.kill()
            self.process.wait()
            self.process = self.start()
            return "no answer", ""
        return str(answer.get("decision")), str(answer.get("reason"))

    def close(self) -> None:
        if self.process.stdin:
            self.process.stdin.close()
        try:
            self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()


def exchange(process: subprocess.Popen[bytes], line: str) -> dict[str, object] | None:
    assert process.stdin and process.stdout
    try:
        process.stdin.write(line.encode() + b"\n")
        process.stdin.flush()
        if not select.select([process.stdout], [], [], TIMEOUT)[0]:
            return None
        return json.loads(process.stdout.readline())
    except (OSError, ValueError):
        return None
