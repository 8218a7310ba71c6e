"""Guards of one directory, in many processes: a proof is accepted once among all of them."""

import contextlib
import json
import multiprocessing
import random
import subprocess
import sys
import threading
import time

import libagentid
import pytest

PROCESSES, THREADS, PROOFS = 8, 8, 200
ARGUMENTS = {"path": "/data/a.csv"}


@pytest.fixture
def agent(tmp_path):
    with libagentid.Authority.open(tmp_path / "acme", trust_domain="acme.example") as acme:
        acme.put_profile("researcher", owner="team:research@acme.example", ceiling="read_file(path under '/data')")
        with acme.agent(
            "researcher", principal="user:alice@acme.example", task="Q3 review", scope="read_file(path under '/data')"
        ) as agent:
            yield agent


def present(directory, ready, pipe, seed):
    """One process: every thread presents every proof, in an order of its own."""
    guard = libagentid.Guard.open_directory(directory, proof_window=60, any_audience=True)
    accepted = []

    def work(chain, proofs, seed):
        order = list(range(len(proofs)))
        random.Random(seed).shuffle(order)
        accepted.extend(i for i in order if guard.check("read_file", ARGUMENTS, chain=chain, proof=proofs[i]))

    ready.wait()
    chain, proofs = pipe.recv()
    threads = [threading.Thread(target=work, args=(chain, proofs, seed + n)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pipe.send((accepted, guard.statistics()))


def test_proof_is_accepted_once_among_eight_processes(tmp_path, agent):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Barrier(PROCESSES + 1)
    pipes, processes = [], []
    for n in range(PROCESSES):
        ours, theirs = spawn.Pipe()
        processes.append(spawn.Process(target=present, args=(str(tmp_path / "acme"), ready, theirs, seed + n * THREADS)))
        pipes.append(ours)
    for process in processes:
        process.start()
    ready.wait()
    proofs = [agent.prove("read_file", ARGUMENTS) for _ in range(PROOFS)]
    for pipe in pipes:
        pipe.send((agent.chain, proofs))
    results = [pipe.recv() for pipe in pipes]
    for process in processes:
        process.join()
    assert sorted(i for accepted, _ in results for i in accepted) == list(range(PROOFS))
    denied = [statistics["denied"] for _, statistics in results]
    assert {reason for reasons in denied for reason in reasons} == {"replayed"}
    assert sum(reasons["replayed"] for reasons in denied) == (PROCESSES * THREADS - 1) * PROOFS


def test_process_that_is_killed_leaves_nothing_to_mend(tmp_path, agent):
    script = """
import sys, libagentid
guard = libagentid.Guard.open_directory(sys.argv[1], proof_window=60, any_audience=True)
for line in sys.stdin:
    chain, proof = line.split()
    print(guard.check("read_file", {"path": "/data/a.csv"}, chain=chain, proof=proof).reason or "permitted", flush=True)
"""
    guard = libagentid.Guard.open_directory(tmp_path / "acme", proof_window=60, any_audience=True)
    for _ in range(5):
        proofs = [agent.prove("read_file", ARGUMENTS) for _ in range(60)]
        with subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / "acme")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as server:
            for proof in proofs[:40]:
                server.stdin.write(f"{agent.chain} {proof}\n")
            server.stdin.flush()
            answers = [server.stdout.readline().strip() for _ in range(random.randrange(1, 30))]
            server.kill()
        assert set(answers) == {"permitted"}
        reasons = [guard.check("read_file", ARGUMENTS, chain=agent.chain, proof=proof).reason for proof in proofs]
        assert set(reasons[: len(answers)]) == {"replayed"}
        assert not any(reasons[40:])
        assert {guard.check("read_file", ARGUMENTS, chain=agent.chain, proof=proof).reason for proof in proofs} == {"replayed"}


FLOOD = """
import sys, libagentid
from collections import Counter
guard = libagentid.Guard.open_directory(sys.argv[1], proof_window=60, replay_capacity=40_000, audit="none", any_audience=True)
print("ready", flush=True)
for line in sys.stdin:
    number, chain, proof = line.split()
    print(number, guard.check("read_file", {"path": "/data/a.csv"}, chain=chain, proof=proof).reason or "permitted", flush=True)
"""


def test_proof_is_accepted_once_while_processes_are_killed_and_the_memory_grows(tmp_path, agent):
    """Four processes present every proof; three are killed at random moments, also while they make the memory larger."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    directory = str(tmp_path / "acme")
    # Made with one bucket of 64 slots: it has to grow over and over.
    libagentid.Guard.open_directory(directory, replay_capacity=2, audit="none", any_audience=True).close()
    others = [agent.spawn(f"child-{n}", same_scope=True) for n in range(3)]
    proofs = [(holder.chain, holder.prove("read_file", ARGUMENTS)) for holder in [agent, *others] for _ in range(150)]
    permitted, answers = [0] * len(proofs), set()

    def present(seed, dies):
        order = list(range(len(proofs)))
        random.Random(seed).shuffle(order)
        with (
            contextlib.suppress(BrokenPipeError),
            subprocess.Popen(
                [sys.executable, "-c", FLOOD, directory], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            ) as server,
        ):
            server.stdout.readline()
            threading.Thread(target=feed, args=(server, order), daemon=True).start()
            for n in range(random.Random(seed).randrange(1, len(proofs)) if dies else len(proofs)):
                number, answer = server.stdout.readline().split()
                answers.add(answer)
                permitted[int(number)] += answer == "permitted"
            server.kill()

    def feed(server, order):
        try:
            for n in order:
                server.stdin.write(f"{n} {proofs[n][0]} {proofs[n][1]}\n")
                server.stdin.flush()
        except (BrokenPipeError, ValueError):
            pass

    threads = [threading.Thread(target=present, args=(seed + n, n > 0)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # What a process accepted and did not say before it was killed is used up.
    assert max(permitted) == 1
    assert answers == {"permitted", "replayed"}
    with libagentid.Guard.open_directory(directory, proof_window=60, audit="none", any_audience=True) as guard:
        assert {guard.check("read_file", ARGUMENTS, chain=chain, proof=proof).reason for chain, proof in proofs} == {"replayed"}
        assert guard.statistics().replay_slots > 64


def test_full_disk_denies_what_there_is_no_room_for_and_nothing_else(tmp_path, agent):
    script = """
import json, resource, sys, libagentid
from collections import Counter
guard = libagentid.Guard.open_directory(sys.argv[1], replay_capacity=2, audit="none", any_audience=True)
guard = libagentid.Guard.open_directory(sys.argv[1], replay_capacity=1000, audit="none", any_audience=True)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096 + 512, 4096 + 512))
agent = libagentid.Agent.open(*sys.stdin.read().split())
call = "read_file", {"path": "/data/a"}
print(json.dumps(Counter(guard.check(*call, chain=agent.chain, proof=agent.prove(*call)).reason or "" for _ in range(100))))
"""
    command = [sys.executable, "-c", script, str(tmp_path / "acme")]
    out = subprocess.run(command, capture_output=True, text=True, check=True, input=f"{agent.export_key()} {agent.chain}").stdout
    reasons = json.loads(out)
    assert set(reasons) == {"", "replay_memory_full"}
    assert 20 <= reasons[""] <= 64


@pytest.mark.parametrize(
    "change", [lambda path: path.unlink(), lambda path: path.write_bytes(b""), lambda path: path.rename(f"{path}-old")]
)
def test_file_that_is_taken_away_denies_within_50_ms(tmp_path, agent, change):
    with libagentid.Guard.open_directory(tmp_path / "acme", audit="none", any_audience=True) as guard:
        used = agent.prove("read_file", ARGUMENTS)
        assert guard.check("read_file", ARGUMENTS, chain=agent.chain, proof=used)
        change(tmp_path / "acme" / "replay")
        time.sleep(0.06)
        for proof in (used, agent.prove("read_file", ARGUMENTS)):
            assert guard.check("read_file", ARGUMENTS, chain=agent.chain, proof=proof).reason == "replay_memory_replaced"
        assert agent.check("read_file", ARGUMENTS).permitted


def test_guard_with_memory_of_its_own_accepts_for_itself(tmp_path, agent):
    proof = agent.prove("read_file", ARGUMENTS)
    for own, permitted in ((False, True), (False, False), (True, True), (True, True)):
        with libagentid.Guard.open_directory(tmp_path / "acme", own_replay_memory=own, any_audience=True) as guard:
            assert guard.check("read_file", ARGUMENTS, chain=agent.chain, proof=proof).permitted == permitted


def test_full_disk_is_an_error_and_leaves_nothing_half_made(tmp_path, agent):
    script = """
import resource, sys, libagentid
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
try:
    libagentid.Guard.open_directory(sys.argv[1], audit="none", any_audience=True)
except libagentid.Error as error:
    print(error)
"""
    command = [sys.executable, "-c", script, str(tmp_path / "acme")]
    assert "cannot take the room" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert (tmp_path / "acme" / "replay").stat().st_size == 0
    with libagentid.Guard.open_directory(tmp_path / "acme", any_audience=True) as guard:
        assert guard.check("read_file", ARGUMENTS, chain=agent.chain, proof=agent.prove("read_file", ARGUMENTS))


def test_damaged_memory_is_refused_and_says_what_to_do(tmp_path, agent):
    (tmp_path / "acme" / "replay").write_bytes(b"rubbish")
    (tmp_path / "acme" / "replay").chmod(0o600)
    with pytest.raises(libagentid.Error, match="too short.*remove the file"):
        libagentid.Guard.open_directory(tmp_path / "acme", any_audience=True)
    libagentid.Guard.open_directory(tmp_path / "acme", own_replay_memory=True, any_audience=True).close()
