"""docs/python: a page per class, made from the docstrings, says what they say now."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]


def test_the_pages_say_what_the_docstrings_say() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "scripts/docs-python.py"), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_public_class_has_a_page() -> None:
    import libagentid
    from libagentid import documents, types

    for module, where in ((libagentid, ""), (documents, "documents."), (types, "types.")):
        for name in module.__all__:
            if isinstance(getattr(module, name), type):
                assert (ROOT / f"docs/python/libagentid.{where}{name}.md").is_file(), name
