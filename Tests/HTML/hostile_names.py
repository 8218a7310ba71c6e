"""Names that attackers choose: markup, bidirectional controls, marks, ten thousand characters. None runs, reorders, overflows."""
from agents_pages import populated
from browser import WIDTHS, check_fits
from world import BIDI, LONG, MARKS, MARKUP, check, ctl, unsigned

INVISIBLE = ["202E", "2066", "2069", "200B", "001B", "0000", "2028", "3164", "00AD", "E0041"]


def pages(world):
    claims = [{"agent": MARKUP, "principal": BIDI, "task": LONG, "owner": MARKS, "intent": "'\"><svg onload=alert(1)>",
               "limits": [{"id": MARKUP, MARKUP: BIDI, "match": LONG}], "labels": [MARKUP, LONG]}, {"agent": LONG}, {"agent": BIDI}]
    rule = {"constraint_type": "exact", "value": MARKUP + LONG[:2000]}
    tools = [{MARKUP: {MARKUP: rule, LONG[:3000]: rule}, "b" + BIDI: {}}, {"b" + BIDI: {MARKUP: rule}}, {}]
    (world.directory / "hostile").write_bytes(unsigned(*((c, t, {"jti": MARKUP}) for c, t in zip(claims, tools))))
    hostile = world.directory / "hostile"
    ids = [world.child(world.root, "x", 100 + i, task) for i, task in enumerate([MARKUP, BIDI.replace("\0", ""), LONG, MARKS])]
    world.populate([(ids[0] + "/" + LONG, ids[0], "t", MARKUP, "active", 100)])
    yield "chain", ctl("inspect", str(hostile), "--html"), True
    yield "denial", ctl("inspect", str(hostile), "--html", *world.here, expect=10), True
    yield "agents", ctl("agents", *world.here, "--html"), False
    yield "selected", ctl("agents", *world.here, "--html", "--principal", MARKUP), False


def harmless(browser, world):
    populated(world)
    for name, html, has_all in pages(world):
        check(not any(ord(c) in range(0x202A, 0x202F) or ord(c) in range(0x2066, 0x206A) or c in "\u200b\x1b\0\u2028\u3164\u00ad" for c in html),
              f"{name}: nothing invisible is written")
        address = world.write(f"{name}.html", html)
        for width in WIDTHS:
            with browser.page(address, width) as page:
                check(page.evaluate("document.querySelectorAll('script, img, iframe, link, object, [onerror], [onload]').length") == 0,
                      f"{name}: no element of theirs")
                check(page.evaluate("document.querySelectorAll('style').length") == 1 and "run" not in page.title().split(), f"{name}: nothing ran")
                whole = page.locator("body").evaluate("b => b.textContent")
                check(MARKUP in whole, f"{name}: markup is text")
                if name != "selected":
                    check(LONG in whole, f"{name}: all of a long name is there")
                    check(page.evaluate("[...document.querySelectorAll('bdi')].some(b => b.textContent.includes('⟨U+202E⟩'))"),
                          f"{name}: bidirectional controls are shown, isolated")
                    marks = [m for m in whole.split("e") if "\u0301" in m]
                    check(marks and all("\u0301" * 5 not in m for m in marks), f"{name}: marks do not pile up")
                if has_all and name == "chain":
                    missing = [code for code in INVISIBLE if f"⟨U+{code}⟩" not in whole]
                    check(missing == [], f"{name}: all invisible characters are shown", missing)
                folded = page.evaluate("document.documentElement.scrollHeight")
                check_fits(page, f"{name} at {width}")
                check(name == "selected" or folded < page.evaluate("document.documentElement.scrollHeight"), f"{name}: long names are folded at first")
