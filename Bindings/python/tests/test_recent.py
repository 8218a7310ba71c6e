"""What is remembered of runs: bounded, and the same from several threads."""

import sys
import threading

from libagentid.tools._recent import Recent


def test_the_oldest_is_forgotten_and_what_was_put_again_is_not_old():
    recent = Recent[int, str](2)
    assert recent.put(1, "a") == "a" and recent.put(2, "b") == "b"
    recent.put(1, "c")
    recent.put(3, "d")
    assert (recent.get(1), recent.get(2), recent.get(3)) == ("c", None, "d")
    recent.forget(lambda key: key > 1)
    assert (recent.get(1), recent.get(3)) == ("c", None)


def test_what_a_thread_has_put_it_has_whatever_others_put():
    recent, failed = Recent[int, int](8), []

    def run(first):
        try:
            for key in range(first, first + 4000):
                assert recent.put(key, key) == key
                assert recent.get(key) in (key, None)
                recent.forget(lambda other, key=key: other == key)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(10_000 * number,)) for number in range(4)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for step in (threading.Thread.start, threading.Thread.join):
            for thread in threads:
                step(thread)
    finally:
        sys.setswitchinterval(before)
    assert not failed
