"""Pages for everybody: contrast, landmarks, keyboard, paper, and without scripts."""
from axe_playwright_python.sync_playwright import Axe

from agents_pages import populated
from browser import SCHEMES, WIDTHS, check_fits
from world import check, ctl, unsigned


def pages(world):
    populated(world)
    links = [({"agent": "spiffe://a/agent/p/x", "limits": [{"id": "eur", "match": "x", "rate": {"calls": 5, "per": "1m"}}]}, {"a": {"x": {"constraint_type": "wildcard"}}}, {}),
             ({}, {"a": {}, "b": {}}, {})]
    (world.directory / "wide").write_bytes(unsigned(*links))
    return {name: world.write(f"{name}.html", html) for name, html in {
        "decoded": ctl("inspect", world.path("scanner"), "--html"),
        "verified": ctl("inspect", world.path("scanner"), "--html", *world.here),
        "denied": ctl("inspect", world.path("wide"), "--html", *world.here, expect=10),
        "agents": ctl("agents", *world.here, "--html", "--profile", "researcher"),
        "none": ctl("agents", *world.here, "--html", "--owner", "nobody"),
    }.items()}


# WCAG 2.2, 1.4.3: every text against what is behind it, blended from the page up.
CONTRAST = """() => {
    const parse = c => { const m = c.match(/[\\d.]+/g).map(Number); return [m[0], m[1], m[2], m[3] ?? 1]; };
    const over = (a, b) => [0, 1, 2].map(i => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
    const light = c => c.slice(0, 3).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const low = []; let count = 0;
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const e = walk.currentNode.parentElement;
        if (!walk.currentNode.data.trim() || e.closest('.vh') || !e.checkVisibility()) continue;
        let behind = [];
        for (let up = e; up; up = up.parentElement) behind.unshift(parse(getComputedStyle(up).backgroundColor));
        const back = behind.reduce((below, c) => over(c, below), [255, 255, 255, 1]);
        const [a, b] = [light(over(parse(getComputedStyle(e).color), back)), light(back)];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        count++;
        if (ratio < 4.5) low.push(ratio.toFixed(2) + ' ' + walk.currentNode.data.trim().slice(0, 40));
    }
    return [count, low];
}"""


def everywhere(browser, world):
    for name, address in pages(world).items():
        for scheme in SCHEMES:
            for width in WIDTHS:
                with browser.page(address, width, scheme) as page:
                    check_fits(page, f"{name} at {width}")
                    page.evaluate("document.querySelectorAll('.agents > li').forEach(li => li.scrollIntoView())")
                    count, low = page.evaluate(CONTRAST)
                    check(count > 10 and low == [], f"{name}, {scheme}: contrast of {count} texts", low)
                    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
                    check(found.violations_count == 0, f"{name}, {scheme}, {width}: axe finds nothing",
                          [(v["id"], v["nodes"][0]["html"][:150]) for v in found.response["violations"]])
        keyboard(browser, name, address)
        without_scripts(browser, name, address)


def keyboard(browser, name, address):
    with browser.page(address) as page:
        summaries = page.locator("summary").count()
        reached, rings = 0, 0
        for _ in range(summaries + 1):
            page.keyboard.press("Tab")
            tag, ring = page.evaluate("""() => [document.activeElement.tagName, parseFloat(getComputedStyle(document.activeElement).outlineWidth)
                * (getComputedStyle(document.activeElement).outlineStyle != 'none')]""")
            if tag != "SUMMARY":
                break
            reached, rings = reached + 1, rings + (ring >= 2)
            was = page.evaluate("document.activeElement.parentElement.open")
            page.keyboard.press("Enter")
            check(page.evaluate("document.activeElement.parentElement.open") != was, f"{name}: Enter toggles")
            if was:
                page.keyboard.press("Enter")
        # What an unfolded part contains comes next, so that there may be more than at first.
        check(reached == summaries == rings, f"{name}: Tab reaches every summary, with a ring", (summaries, reached, rings))


def without_scripts(browser, name, address):
    pictures = []
    for scripts in (True, False):
        with browser.page(address, scripts=scripts) as page:
            pictures.append(page.screenshot(full_page=True))
    check(pictures[0] == pictures[1], f"{name}: the same without scripts")
    with browser.page(address, scheme="dark") as page:
        page.emulate_media(media="print", color_scheme="dark")
        check(page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)", f"{name}: white on paper")
        check(page.evaluate("document.querySelectorAll('.hop details dl').length == 0 || document.querySelector('.hop details dl').checkVisibility()"),
              f"{name}: unfolded on paper")
        check(len(page.pdf()) > 1000, f"{name}: prints")
