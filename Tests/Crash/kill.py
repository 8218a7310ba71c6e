#!/usr/bin/env python3
"""Kills a worker at random moments, opens its directory anew, and shows that nothing that was answered is lost.

Arguments: how many kills (200). CRASH_SEED repeats a run's moments.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

from answers import Answers, Check, undelivered
from workplace import WORKER, Report, new_directory, seed

KILLS_PER_DIRECTORY = 20


def lines_until_killed(directory, commands, chance):
    """What a worker said before it was killed: soon, while it opens, or later, at work."""
    delay = chance.uniform(0.05, 0.25) if chance.random() < 0.2 else chance.uniform(0.15, 0.7)
    with tempfile.TemporaryFile() as said:
        worker = subprocess.Popen(
            [*WORKER, directory, "--commands", commands, "--seed", str(chance.getrandbits(32))], stdout=said
        )
        time.sleep(delay)
        worker.send_signal(signal.SIGKILL)
        status = worker.wait()
        said.seek(0)
        lines = said.read().split(b"\n")
    return status, lines[:-1]  # the last was cut short, or is empty


def kill_often(kills, chance, report):
    """One directory, killed again and again, in the end settled."""
    answers, unheard = Answers(), []
    with new_directory() as work:
        directory, commands = f"{work}/acme", f"{work}/commands"
        for _ in range(kills):
            before = set(answers.agents)
            status, lines = lines_until_killed(directory, commands, chance)
            for line in lines:
                answers.take(line)
            new = [agent for id, agent in answers.agents.items() if id not in before]
            sample = chance.sample(sorted(before), min(len(before), 50))
            faults = Check(directory, answers).run(new + [answers.agents[id] for id in sample])
            if status != -signal.SIGKILL:
                faults.append(f"the worker ended by itself: {status}")
            faults += [f"an error: {error}" for error in answers.errors]
            answers.errors.clear()
            report.check("what was answered before a kill", faults)
        faults = Check(directory, answers).run(settle=True)
        if os.path.exists(commands):
            with open(commands) as file:
                for line in file:
                    answers.hear("command", json.loads(line))
        for hook in ("callback", "command"):
            unheard += undelivered(answers, hook)
        report.check("what was answered, in the end", faults)
        report.check("every hook heard every event, in order", unheard)
        report.note("answers", answers.count)
        report.note("agents", len(answers.agents))
        for hook, heard in answers.heard.items():
            report.note(f"{hook} deliveries", sum(heard.values()))
            report.note(f"{hook} repeated", sum(heard.values()) - len(heard))


def main():
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    chance, report = random.Random(seed()), Report()
    for start in range(0, kills, KILLS_PER_DIRECTORY):
        kill_often(min(KILLS_PER_DIRECTORY, kills - start), chance, report)
    report.note("kills", kills)
    report.end()


main()
