"""The page of a chain: what it shows, and how what was verified differs from what was only decoded."""
import time

from browser import text
from world import check, ctl, unsigned


def shown(browser, world):
    before = time.time()
    address = world.write("chain.html", ctl("inspect", world.path("scanner"), "--html"))
    with browser.page(address) as page:
        nested = [page.locator("ol.chain" + " > li > ol" * i + " > li > article h3").inner_text() for i in range(3)]
        ids = [world.root, world.reader, world.scanner]
        check(nested == [f"{i.split('/')[-2]}/{i[-12:]}" for i in ids], "hops lie in each other, root first", nested)
        check(not page.locator(".hop details dl").first.is_visible(), "identifiers are folded")
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        check([t for t in text(page, ".hop details dd") if t.startswith("spiffe:")] == ids, "and unfold to whole IDs")
        root, reader, scanner = ([" ".join(t.split()) for t in page.locator(f"article:has(#hop-{i}) .tools > li").all_inner_texts()]
                                 for i in range(3))
        check(root == ["+ granted query any arguments", "+ granted read_file path under \"/data/q3\"",
                       "+ granted search limit <= 100 query anything", "+ granted send_mail subject anything to like \"*@acme.example\"",
                       "+ granted transfer amount decimal <= \"500\" to in [\"acct-1\",\"acct-2\"]"], "what the root grants", root)
        check(reader == [
            "◂ narrowed query before: any arguments table == \"revenue\"",
            "◂ narrowed read_file path before: under \"/data/q3\" → after: under \"/data/q3/public\"",
            "◂ narrowed search limit before: <= 100 → after: <= 20 query anything",
            "◂ narrowed send_mail subject anything to before: like \"*@acme.example\" → after: "
            "like \"*@acme.example\" and in [\"alice@acme.example\"]",
            "− taken away transfer amount decimal <= \"500\" to in [\"acct-1\",\"acct-2\"]"], "what the first hop took away", reader)
        check(scanner == ["− taken away query table == \"revenue\"", "= kept read_file path under \"/data/q3/public\"",
                          "= kept search limit <= 20 query anything",
                          "− taken away send_mail subject anything to like \"*@acme.example\" and in [\"alice@acme.example\"]"],
              "and the second", scanner)
        check("2 of 5" in text(page, ".summary dd"), "what is left in the end", text(page, ".summary dd"))
        check({"user:alice@acme.example", "Q3 review", "team:research@acme.example", "researcher",
               "Summarise the third quarter and mail me what stands out", "depth 2, at most 4"}
              <= set(text(page, ".facts dd")), "for whom, which task", text(page, ".facts dd"))
        bars(page, world)
        times = page.eval_on_selector_all(".lifetime time", "all => all.map(t => Date.parse(t.dateTime) / 1000)")
        check(all(life - 60 <= end - before <= life + 60 for end, life in zip(times, (3600, 1800, 600))), "times for machines", times)


def bars(page, world):
    """Widths are shares of the root's lifetime."""
    widths = page.eval_on_selector_all(".life", """all => all.map(svg =>
        svg.querySelector('.own').getBoundingClientRect().width / svg.querySelector('.whole').getBoundingClientRect().width)""")
    expected = [1, world.READER_LIFE / world.ROOT_LIFE, world.SCANNER_LIFE / world.ROOT_LIFE]
    check(len(widths) == 3 and all(abs(w - e) < 0.01 for w, e in zip(widths, expected)), "bars are in proportion", widths)
    spoken = page.eval_on_selector_all(".life", "all => all.map(svg => svg.getAttribute('aria-label'))")
    check([s.split(",")[0] for s in spoken] == [f"Lifetime: {n} % of the root's" for n in (100, 50, 17)], "bars speak", spoken)
    now = int(time.time())
    half = [({"agent": "spiffe://a/agent/p/x"}, {"t": {}}, {"iat": now - 900, "exp": now + 900})]
    (world.directory / "half").write_bytes(unsigned(*half))
    past = float(ctl("inspect", world.path("half"), "--html").split('class="past" x="0.0%" y="3" width="')[1].split("%")[0])
    check(abs(past - 50) < 5, "half of a life is over", past)


def verdicts(browser, world):
    def look(*trust, chain="scanner", expect=0):
        html = ctl("inspect", world.path(chain), "--html", *trust, expect=expect)
        with browser.page(world.write("verdict.html", html)) as page:
            styles = page.eval_on_selector_all(".hop", "all => all.map(h => getComputedStyle(h).borderTopStyle)")
            return text(page, ".verdict h2")[0], text(page, ".badge"), styles

    decoded, verified = look(), look(*world.here)
    check(decoded == ("◌ Decoded, not verified", ["◌ decoded"] * 3, ["dashed"] * 3), "decoded is said and dashed", decoded)
    check(verified == ("✓ Verified", ["✓ verified"] * 3, ["solid"] * 3), "verified is said and solid", verified)
    bundle = world.directory / "bundle.json"
    bundle.write_text(ctl("bundle", *world.here))
    by_bundle = ["--bundle", str(bundle), "--trust-domain"]
    check(look(*by_bundle, "acme.example")[0] == "✓ Verified", "verified by a bundle")
    check("Revocations and leases are not known" in ctl("inspect", world.path("scanner"), "--html", *by_bundle, "acme.example"),
          "what a bundle does not know")
    stranger = look(*by_bundle, "other.example", expect=10)
    check(stranger[0].startswith("✕ Denied:") and "✓ verified" not in stranger[1], "a stranger's", stranger)
    tokens = (world.directory / "scanner" / "chain").read_text().strip().split("~")
    tokens[2] = tokens[2][:-10] + ("A" if tokens[2][-10] != "A" else "B") + tokens[2][-9:]
    (world.directory / "forged").write_text("~".join(tokens))
    forged = look(*world.here, chain="forged", expect=10)
    check(forged[0] == "✕ Denied: invalid_signature" and forged[1] == ["◌ decoded", "◌ decoded", "✕ denied here"],
          "a forged hop is denied where it stands, the rest no more than decoded", forged)
    for wrong in (["--html", "--json"], [*world.here, "--bundle", "x"], ["--bundle", "x"]):
        ctl("inspect", world.path("scanner"), *wrong, expect=2)


def strange(browser, world):
    """What no honest writer writes: limits, wider scopes, no scope at all, no times, many hops."""
    links = [({"agent": "spiffe://a/agent/p/x", "limits": [{"id": "pocket", "budget": {"limit": "500"}}], "labels": ["pii"]}, {"a": {"x": {"constraint_type": "no_such"}}}, {}),
             ({}, {"a": {}}, {"exp": "soon", "iat": None}), ({}, {"a": {}, "b": {}}, {"exp": -5, "iat": -(2 ** 53) + 1})]
    links += [({"agent": f"hop {i}"}, {"a": {}}, {}) for i in range(3, 60)]
    (world.directory / "strange").write_bytes(unsigned(*links))
    html = ctl("inspect", world.path("strange"), "--html")
    for width in (360, 1280):
        with browser.page(world.write("strange.html", html), width) as page:
            check(page.locator(".hop").count() == 60, "sixty hops")
            check('pocket: budget: {"limit":"500"}' in text(page, ".facts dd") and "pii" in text(page, ".facts dd"), "limits and labels")
            shown = page.locator("body").inner_text()
            check("What this version does not know" in shown and "It does not say when it ends." in shown, "what is not known is said")
            check(any("b: the parent does not grant this tool" in t for t in text(page, "p.wider")), "wider", text(page, "p.wider"))
            check("✕ wider b any arguments" in text(page, ".tools > li"), "the wider tool")
            narrowest = page.eval_on_selector_all(".hop", "all => Math.min(...all.map(h => h.getBoundingClientRect().width))")
            check(narrowest > 0.7 * min(width, 900), "deep hops stay wide enough to read", narrowest)
