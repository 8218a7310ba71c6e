"""`agentidctl conform`: every line gets an answer, whatever it is, and the next line is read."""
import json
import subprocess

from harness import PROGRAM, check

INPUT = {"tokens": ["a.b.c"], "pop": "a.b.c", "tool": "t", "args": {}, "now": 1704067500, "policy": {}, "audience": "g",
         "trust_anchors": [{"iss": "https://a.example", "jwk": {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}}]}
BIG = "1" + "0" * 400


def question(**members):
    return json.dumps({"type": "evaluate", "vector_id": "v", "profile": "Core", "input": {**INPUT, **members}}).encode()


def answers(work):
    hostile = [
        b"{", b"[]", b"null", b"7", b'"x"', b"{}", b"\xff\xfe", b"\x00", b"[" * 5000, b'{"type":"evaluate"}',
        b'{"type":"evaluate","input":7}', b'{"type":"evaluate","input":{}}', b'{"type":"hello","type":"bye"}', b'{"type":7}',
        question(now="x"), question(now=-1), question(now=10**15), question(tokens=7), question(tokens=[7]), question(tokens=[]),
        question(tokens=["a~b"]), question(policy=7), question(policy={"nonce": 7}), question(policy={"require_pop_aud": "x"}),
        question(policy={"require_pop_aud": True}, audience=None), question(audience="x" * 5000), question(trust_anchors=7),
        question(trust_anchors=[7, {}, {"iss": 7}, {"iss": "nobody", "jwk": {}}]), question(args=7), question(args=None),
        question(args={"n": 9007199254740993}), question(args={"n": 10**18}), question(args={"n": 10**400}),
        question().replace(b'"args": {}', b'"args": {"n": 1e400}'), question().replace(b'"args": {}', f'"args": {{"n": {BIG}}}'.encode()),
        question(args={"x": "y" * (5 << 20)}), b" " * (5 << 20), question(pop=7), question(tool=7),
    ]
    good = question()
    lines = [b'{"type":"hello"}', *[line for bad in hostile for line in (bad, good)], b'{"type":"bye"}', good]
    done = subprocess.run([PROGRAM, "conform"], input=b"\n".join(lines), capture_output=True, timeout=120)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    check(done.returncode == 0, "conform ends with bye", repr(done.stderr[-200:]))
    check(len(told) == 1 + 2 * len(hostile), "each line has one answer", f"{len(told)} for {1 + 2 * len(hostile)}")
    check(told[0]["type"] == "hello", "hello is answered")
    for bad, answer in zip(hostile, told[1::2]):
        check(answer["type"] == "result" and answer["decision"] == "deny", "what is not a question is denied", repr(bad[:60]))
    check(all(answer == told[2] for answer in told[2::2]), "what was asked before changes no answer")
    cut = subprocess.run([PROGRAM, "conform"], input=good, capture_output=True, timeout=60)
    check(json.loads(cut.stdout)["decision"] == "deny" and cut.returncode == 0, "a last line needs no end")
