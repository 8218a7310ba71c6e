"""docs/guides/python.md: every block of Python runs, in order, in one namespace, and prints what stands below it."""

import contextlib
import io
import pathlib
import re

PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs/guides/python.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_every_block_runs_and_prints_what_the_page_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page, namespace, ran, printed = PAGE.read_text(), {"__name__": "guide"}, 0, ""
    for block in BLOCK.finditer(page):
        kind, text = block.groups()
        line = page.count("\n", 0, block.start(2))
        if kind == "text":
            assert printed == text, f"{PAGE.name}:{line}"
            printed = ""
            continue
        assert kind == "python" and not printed, f"{PAGE.name}:{line}: what is above printed {printed!r}"
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile("\n" * line + text, PAGE, "exec"), namespace)
        printed, ran = out.getvalue(), ran + 1
    assert ran > 5 and not printed
