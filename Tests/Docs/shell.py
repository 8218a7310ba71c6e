"""A shell that lives as long as a page's blocks: one command after the other, with what each printed and its status."""
import os
import pathlib
import re
import secrets
import select
import signal
import subprocess
import time


class Shell:
    """One bash. What a command prints goes to a pipe, as in a script: no colours, no bars."""

    def __init__(self, folder, environment):
        self.mark = f"--{secrets.token_hex(8)}--"
        self.process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"], cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True)
        self.status = 0

    def run(self, command, goes_on=None, seconds=120):
        """Runs a command; returns output and status. `goes_on(printed)` says when one that does not end is to be interrupted."""
        self.process.stdin.write(
            f"( exit {self.status} )\n{{ {command}\n}} </dev/null\nprintf '\\n%s %d\\n' '{self.mark}' $?\n".encode())
        self.process.stdin.flush()
        printed, end = b"", time.monotonic() + seconds
        done = re.compile(rf"\n{self.mark} (\d+)\n$".encode())
        while not (found := done.search(printed)):
            if time.monotonic() > end:
                self.close()
                raise TimeoutError(f"did not end in {seconds} s")
            if select.select([self.process.stdout], [], [], 0.2)[0]:
                more = os.read(self.process.stdout.fileno(), 65536)
                if not more:
                    raise EOFError("the shell ended: " + printed.decode(errors="replace")[-300:])
                printed += more
            elif goes_on and goes_on(printed.decode(errors="replace")):
                self._interrupt()
        self.status = int(found[1])
        return printed[:found.start()].decode(errors="replace"), self.status

    def _interrupt(self):
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for child in children:
            os.kill(int(child), signal.SIGINT)

    def close(self):
        """Ends the shell and what it left running."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def commands(text):
    """The commands of a block and what it shows of each; a script without prompts is one command that shows nothing."""
    if not re.search(r"^\$ ", text, re.M):
        return [(text.strip("\n"), None)]
    found, lines = [], text.splitlines()
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if line.startswith("$ "):
            command = [line[2:]]
            here = re.search(r"<<'?(\w+)'?", line)
            while at < len(lines) and (command[-1].endswith("\\") or here and command[-1] != here[1]):
                command.append(lines[at])
                at += 1
            found.append(["\n".join(command), ""])
        elif found:
            found[-1][1] += line + "\n"
    return [tuple(one) for one in found]
