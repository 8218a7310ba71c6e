"""A headless Chromium on pages in files, and what is measured in it."""
import contextlib
import os

from playwright.sync_api import sync_playwright

from world import check

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
WIDTHS = (360, 1280)
SCHEMES = ("light", "dark")


class Browser:
    def __init__(self, chromium):
        self.chromium = chromium

    @contextlib.contextmanager
    def page(self, address, width=1280, scheme="light", scripts=True):
        """Opens a page; it must ask for nothing but itself and complain of nothing."""
        context = self.chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=scripts)
        page = context.new_page()
        asked, said = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.goto(address)
        policy = page.locator("meta[http-equiv=Content-Security-Policy]").get_attribute("content")
        check(policy.startswith("default-src 'none'; style-src 'sha256-") and "unsafe" not in policy, "a page may load nothing", policy)
        yield page
        check(asked == [address], "a page asks for nothing", asked)
        check(said == [], "the browser has nothing to complain of", said)
        context.close()


@contextlib.contextmanager
def browser():
    with sync_playwright() as playwright:
        # Chromium's sandbox needs what a container withholds; the pages are our own.
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield Browser(chromium)
        chromium.close()


def text(page, selector):
    """What the elements show, as a person reads it."""
    return [" ".join(shown.split()) for shown in page.locator(selector).all_inner_texts()]


def check_fits(page, what):
    """Nothing is wider than the window, even where all is unfolded."""
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    wide = page.evaluate("""() => {
        const most = document.documentElement.clientWidth;
        return [...document.body.querySelectorAll('*')].filter(e => !e.closest('.vh') && e.getBoundingClientRect().right > most + 0.5)
            .map(e => e.tagName + '.' + e.className + ' ' + e.getBoundingClientRect().right).slice(0, 5)
            .concat(document.documentElement.scrollWidth > most ? ['scrolls to ' + document.documentElement.scrollWidth] : []);
    }""")
    check(wide == [], f"{what} fits", wide)
