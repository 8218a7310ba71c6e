"""Prints a run's table, in Markdown.

    report.py OUT figures.json [page.md]

Collects what the programs wrote below OUT, keeps it in figures.json, and puts the table into page.md between the two
comments that say so.
"""

import json
import statistics
import sys
from pathlib import Path

from comparison import AUDIT, JOBS, LIVES, MANY, NATIVE, NO_POLICY, POLICY, PYTHON, RAW, THREADS
from figures import Figure, Figures, collect

BEGIN, END = "<!-- table -->", "<!-- end of table -->"


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """A Markdown table, aligned for those who read it as text."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in [head, *rows]]
    lines.insert(1, ["-" * width for width in widths])
    return ["| " + " | ".join(line).rstrip() + " |" for line in lines]


def jobs(figures: Figures) -> list[str]:
    lines = []
    for job in JOBS:
        best = figures.best(job)

        def row(who: str, group: str, figure: Figure, note: str) -> list[str]:
            to_best = f"{figure.median / best.median:.2f}" if best and group != RAW else ""
            return [
                who, f"{figure.median:.2f}", f"{figure.low:.2f}–{figure.high:.2f}",
                f"{figures.ratio(job, figure, group):.2f}", to_best, note,
            ]  # fmt: skip

        rows = [row("raw libsodium", RAW, figures.raw(job), job.raw_label)]
        for group in (NATIVE, PYTHON):
            figure = figures.ours(job, group)
            if figure:
                rows.append(row(f"**{group}**", group, figure, ""))
        for peer, figure in figures.peers(job):
            rows.append(row(peer.label, peer.label, figure, peer.differs + ("" if peer.counts else "; not counted")))
        title = job.title[0].upper() + job.title[1:]
        lines += ["", f"**{title}**", "", *table(["who", "median, µs", "p10–p90", "× raw", "× best peer", "differs"], rows)]
    return lines


def threads(figures: Figures) -> list[str]:
    rows = []
    for who, group, name in THREADS:
        pairs = figures.threads.get(group, {}).get(name)
        if not pairs:
            continue
        one, two = (statistics.median(pair[i] for pair in pairs) for i in (0, 1))
        gains = sorted(pair[1] / pair[0] for pair in pairs)
        rows.append([who, f"{one:,.0f}", f"{two:,.0f}", f"{statistics.median(gains):.2f}", f"{gains[0]:.2f}–{gains[-1]:.2f}"])
    head = ["who", "one thread, calls/s", "two threads, calls/s", "gain", "least–most"]
    lines = ["", "**Threads**, over wall time", "", *table(head, rows)]
    if rows and float(rows[0][3]) < 1.7:
        lines += ["", "Libsodium itself, which shares nothing, did not double: the machine had no second core to give, and"]
        lines += ["these rows say nothing about anyone. Repeat them on an idle machine."]
    return lines


def audit(figures: Figures) -> list[str]:
    rows = []
    for what, without, batch, always in AUDIT:
        for name, label in ((without, "no audit"), (batch, "`batch`"), (always, "`always`")):
            figure = figures.of(NATIVE, name)
            assert figure is not None, f"{name}: not measured"
            median, spread = f"{figure.median:,.2f}", f"{figure.low:,.2f}–{figure.high:,.2f}"
            rows.append([what, label, median, spread, f"{figures.times(name, without):,.2f}"])
    lines = ["", "**Authorize with an audit log**, chain of 3 links, authority in a directory", ""]
    lines += table(["decide", "audit", "median, µs", "p10–p90", "× without"], rows)
    return [*lines, "", "`always` waits for the disk and is wall time, of one caller: callers at the same time share one sync."]


def policy(figures: Figures) -> list[str]:
    rows = []
    for what, name, _ in (("no policy", NO_POLICY, 0), *POLICY):
        figure = figures.of(NATIVE, name)
        assert figure is not None, f"{name}: not measured"
        rows.append([what, f"{figure.median:.3f}", f"{figure.low:.3f}–{figure.high:.3f}", f"{figures.more(name, NO_POLICY):.0f}"])
    lines = ["", "**Authorize under a policy**, chain of 1 link, no proof, authority in memory", ""]
    return lines + table(["policy", "median, µs", "p10–p90", "ns more"], rows)


def many(figures: Figures) -> list[str]:
    rows = []
    for count in MANY:
        for who in ("the same agent", "another agent each time"):
            if figure := figures.of(NATIVE, f"{who}, of {count}"):
                rows.append([f"authorize, {who}, of {count:,}", f"{figure.median:.2f} µs", f"{1e6 / figure.median:,.0f}"])
    for what, name, _ in LIVES:
        if figure := figures.of(NATIVE, name):
            rows.append([f"start + end, {what}", f"{figure.median:.0f} µs", f"{1e6 / figure.median:,.0f}"])
    lines = ["", "**Many agents, and their lives**, from C: a decision over CPU time, a life over wall time", ""]
    return [*lines, *table(["what", "median", "a second"], rows)] if rows else []


def scale(figures: Figures) -> list[str]:
    def row(figure: dict) -> list[str]:
        value = figure["value"]
        return [figure["name"].replace("    ", "… "), f"{value:,.0f}" if value >= 100 else f"{value:.2f}", figure["unit"]]

    if not figures.scale:
        return []
    lines = ["", "**Lives and numbers**, from Python, over wall time, on a disk", ""]
    return lines + table(["what", "figure", "unit"], [row(figure) for figure in figures.scale])


def aims(figures: Figures) -> list[str]:
    rows = [[text, "yes" if met else "**no**", measured] for text, measured, met in figures.aims()]
    return ["", "**Aims**", "", *table(["aim", "met", "measured"], rows)]


def main(out: str, kept: str, page: str | None = None) -> None:
    document = collect(Path(out))
    Path(kept).write_text(json.dumps(document, indent=1, ensure_ascii=False))
    figures = Figures(document)
    passes = "1 pass" if figures.passes == 1 else f"{figures.passes} passes"
    text = "\n".join([f"{figures.date}; {figures.machine}; {passes}.", *jobs(figures), *policy(figures), *audit(figures), *many(figures), *scale(figures), *threads(figures), *aims(figures)])
    print(text)
    if page:
        before, rest = Path(page).read_text().split(BEGIN)
        Path(page).write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}")


main(*sys.argv[1:])
