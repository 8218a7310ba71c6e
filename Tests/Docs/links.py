"""Every relative link of every page leads to a file of the repository, and its anchor to a heading there."""
import re
import subprocess
import unicodedata
from functools import cache
from urllib.parse import unquote

import blocks

ROOT = blocks.ROOT
LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
SPAN = re.compile(r"`[^`]*`")


def pages():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    return sorted({ROOT / line for line in listed.stdout.splitlines()})


@cache
def anchors(page):
    """Headings as GitHub names them: lower case, without punctuation, blanks as dashes, repeated ones numbered."""
    found = {}
    for _, line in blocks.prose(page):
        if heading := re.match(r"#+ +(.*?) *#*$", line):
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).replace("`", "").lower()
            slug = "".join("-" if c == " " else c for c in text if c in " -_" or unicodedata.category(c)[0] in "LN")
            number = found.get(slug, 0)
            found[slug] = number + 1
            if number:
                found[f"{slug}-{number}"] = 1
        found.update({name: 1 for name in re.findall(r'<a (?:id|name)="([^"]+)"', line)})
    return found


def check():
    """How many links there are, and what is wrong with which."""
    count, wrong = 0, []
    for page in pages():
        for number, line in blocks.prose(page):
            for target in LINK.findall(SPAN.sub("", line) if "](" not in "".join(SPAN.findall(line)) else line):
                if re.match(r"[a-z]+:", target):
                    continue
                count += 1
                place = f"{page.relative_to(ROOT)}:{number}"
                path, _, anchor = target.partition("#")
                file = (page.parent / unquote(path)).resolve() if path else page
                if not file.exists():
                    wrong.append(f"{place}: {target} leads nowhere")
                elif anchor and file.suffix == ".md" and anchor not in anchors(file):
                    wrong.append(f"{place}: {target}: there is no such heading")
    return count, wrong
