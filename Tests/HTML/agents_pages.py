"""The page of the agents: who started whom, how each stands, what is selected; and how many it holds."""
import os
import subprocess
import time

from browser import text
from world import PROGRAM, World, check, ctl


def populated(world):
    """A tree of three levels with siblings; the IDs by name."""
    ids = {"root": world.root}
    ids["reader"] = world.child(world.root, "reader", 1, "read reports")
    ids["scanner"] = world.child(ids["reader"], "scanner", 2, "scan tables")
    ids["twin"] = world.child(ids["reader"], "scanner", 3, "scan notes", lease=-30)
    ids["writer"] = world.child(world.root, "writer", 4, "draft", "suspended")
    ids["sorter"] = world.child(world.root, "sorter", 5, "sort", "deprovisioned", None, "user:bob@acme.example")
    return ids


def shown(browser, world):
    ids = populated(world)
    with browser.page(world.write("agents.html", ctl("agents", *world.here, "--html"))) as page:
        def below(agent):
            item = f"li:has(> details.agent > summary bdi:text-is('{short(ids[agent])}'))"
            return text(page, f"{item} > details.below > ul > li > .agent > summary b")

        check(below("root") == [short(ids[n]) for n in ("reader", "sorter", "writer")], "whom the root started", below("root"))
        check(below("reader") == [short(ids[n]) for n in ("scanner", "twin")], "whom the reader started", below("reader"))
        check(below("scanner") == [], "nobody")
        rows = {row.split("▸")[-1].strip() for row in text(page, ".agent > summary")}
        for name, state, lease in [("scanner", "● live", "lease 4m left"), ("twin", "○ lapsed", "lease over"),
                                   ("writer", "◐ suspended", "lease 4m left"), ("sorter", "× ended", "ended 2m ago")]:
            row = next((r for r in rows if short(ids[name]) in r), "")
            check(row.startswith(state) and lease in row and "owned by team:research@acme.example" in row and "started 5m ago" in row,
                  f"how {name} stands", row)
        check(text(page, ".summary dd") == ["3", "1", "0", "0", "0", "1", "1"], "how many", text(page, ".summary dd"))
        page.locator(f"summary:has(bdi:text-is('{short(ids['sorter'])}'))").click()
        facts = " ".join(text(page, f".agent:has(bdi:text-is('{short(ids['sorter'])}')) .facts"))
        for word in (ids["sorter"], "user:bob@acme.example", "team:research@acme.example", "researcher", "the review is done"):
            check(word in facts, f"unfolded, it says {word}", facts)
        page.locator(f"summary:has(bdi:text-is('{short(ids['root'])}'))").click()
        facts = " ".join(text(page, f".agent:has(bdi:text-is('{short(ids['root'])}')) .facts"))
        check("Summarise the third quarter" in facts, "unfolded, it says what was asked for", facts)
        page.locator("summary:has-text('2 started by it')").click()
        check(not page.locator(f"bdi:text-is('{short(ids['scanner'])}')").is_visible(), "a branch folds")
    for options, names in [(["--principal", "user:bob@acme.example"], ["sorter"]), (["--live"], ["root", "reader", "scanner"]),
                           (["--state", "suspended"], ["writer"]), (["--owner", "nobody"], [])]:
        with browser.page(world.write("some.html", ctl("agents", *world.here, "--html", *options))) as page:
            check(text(page, ".agent > summary b") == [short(ids[n]) for n in names], f"selected by {options}")
            check(options[-1].strip("-") in text(page, ".filters")[0], "and says so", text(page, ".filters"))
    ctl("agents", *world.here, "--html", "--json", expect=2)


def short(agent):
    return "/".join([agent.split("/")[-2], agent[-12:]])


def many(browser, directory):
    """Ten thousand agents, one of them two hundred deep: a page that opens."""
    world = World(directory)
    rows, parent = [], world.root
    for i in range(200):
        rows.append((f"spiffe://acme.example/agent/deep/01a20b79-a7f8-792d-92ce-{i:012x}", parent, "deep", "user:a@a.a", "active", 100))
        parent = rows[-1][0]
    teams = [f"spiffe://acme.example/agent/team/01a20b79-a7f8-792d-92cf-{i:012x}" for i in range(100)]
    rows += [(team, world.root, "team", "user:a@a.a", "active", 100) for team in teams]
    rows += [(f"spiffe://acme.example/agent/worker/01a20b79-a7f8-792d-92d0-{i:012x}", teams[i % 100], "work", "user:a@a.a", "active", 100)
             for i in range(9_699)]
    world.populate(rows)
    with open(world.path("many.html"), "wb") as out:
        subprocess.run([PROGRAM, "agents", *world.here, "--html"], stdout=out, check=True)
    size = os.path.getsize(world.path("many.html"))
    began = time.monotonic()
    with browser.page((world.directory / "many.html").as_uri(), 360) as page:
        check(page.locator(".agent").count() == 10_000, "ten thousand agents")
        check("10000" in text(page, ".summary dd") or "9999" in text(page, ".summary dd"), "all counted", text(page, ".summary dd"))
        deepest = page.evaluate("""() => { let most = 0; for (const e of document.querySelectorAll('.agent')) {
            let n = 0; for (let up = e; up; up = up.parentElement) n++; most = Math.max(most, n); } return most; }""")
        check(deepest < 300, "no deeper than browsers nest", deepest)
        check(page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "and no wider than the window")
    print(f"ten thousand agents: {size / 1e6:.1f} MB, opened and counted in {time.monotonic() - began:.1f} s")
    with open("/dev/full", "wb") as full:
        done = subprocess.run([PROGRAM, "agents", *world.here, "--html"], stdout=full, stderr=subprocess.PIPE)
    check(done.returncode == 1 and b"cannot be written" in done.stderr, "a full disk is an error", (done.returncode, done.stderr[-200:]))
