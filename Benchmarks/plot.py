"""Draws a run's figures: plot.py figures.json picture.svg. The same figures give the same bytes."""

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from comparison import JOBS, NATIVE, PYTHON, Job
from figures import Figures

SHOWN = ("delegate", "prove", "cold 3", "cold 3 + proof", "cached 3 + proof", "in process")
INK, PAPER = "#1f2328", "#ffffff"
RAW_COLOUR, NATIVE_COLOUR, PYTHON_COLOUR, PEER_COLOUR = "#8c959f", "#1f6feb", "#6cb0ff", "#d4a017"
# Bars keep their colours, which stand out from both; text, axes and background follow the reader's choice.
DARK = """<style>@media (prefers-color-scheme: dark) {
 text { fill: #e6edf3 !important } #paper path { fill: #0d1117 !important } [id^="ink"] path { stroke: #e6edf3 !important }
}</style>"""


def bars(figures: Figures, job: Job) -> list[tuple[str, float, str]]:
    found = [(f"libsodium, {job.raw_label}", figures.raw(job).median, RAW_COLOUR)]
    for label, group, colour in (("libagentid", NATIVE, NATIVE_COLOUR), ("libagentid, Python", PYTHON, PYTHON_COLOUR)):
        figure = figures.ours(job, group)
        if figure:
            found.append((label, figure.median, colour))
    return found + [(peer.label, figure.median, PEER_COLOUR) for peer, figure in figures.peers(job) if peer.counts]


def panel(axes: plt.Axes, job: Job, rows: list[tuple[str, float, str]], room: int) -> None:
    # One that takes many times as long would leave nothing to see of the others: its bar is cut, and says so.
    longest = min(max(value for _, value, _ in rows), 3 * sorted(value for _, value, _ in rows)[len(rows) // 2])
    for place, (_, value, colour) in enumerate(rows):
        axes.barh(place, min(value, longest), color=colour, height=0.7)
        cut = "» " if value > longest else ""
        axes.text(min(value, longest) + longest / 60, place, f"{cut}{value:.3g} µs", va="center", fontsize=9, color=INK)
    axes.set_yticks(range(len(rows)), [label for label, _, _ in rows], fontsize=9)
    axes.set_xlim(0, 1.25 * longest)
    axes.set_ylim(room - 0.4, -0.6)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.set_title(job.title[0].upper() + job.title[1:], loc="left", fontsize=10, fontweight="bold")
    for side, spine in axes.spines.items():
        spine.set_visible(side == "left")
        spine.set_gid(f"ink-{job.key}".replace(" ", ""))


def main(kept: str, picture: str) -> None:
    figures = Figures(json.loads(Path(kept).read_text()))
    plt.rcParams.update({"svg.hashsalt": "libagentid", "svg.fonttype": "none", "font.family": "sans-serif"})
    plt.rcParams.update({"text.color": INK, "axes.edgecolor": INK, "ytick.color": INK})
    chosen = [job for job in JOBS if job.key in SHOWN]
    rows = [bars(figures, job) for job in chosen]
    heights = [max(len(pair) for pair in rows[i : i + 2]) for i in range(0, len(rows), 2)]
    figure, grid = plt.subplots(len(heights), 2, figsize=(11, 0.27 * sum(heights) + 2), height_ratios=heights)
    figure.patch.set_facecolor(PAPER)
    figure.patch.set_gid("paper")
    for i, (axes, job, found) in enumerate(zip(grid.flat, chosen, rows, strict=True)):
        axes.patch.set_visible(False)
        panel(axes, job, found, heights[i // 2])
    figure.text(
        0.01, 0.012, f"Median CPU time of one call, shorter is better; all in one run ({figures.machine}, {figures.date}). "
        "What each peer leaves out: docs/benchmarks.md", fontsize=8.5,
    )  # fmt: skip
    figure.tight_layout(rect=(0, 0.03, 1, 1))
    figure.savefig(picture, metadata={"Date": None, "Creator": None})
    text = Path(picture).read_text()
    at = text.index("<defs>")
    Path(picture).write_text("\n".join(line.rstrip() for line in (text[:at] + DARK + "\n " + text[at:]).splitlines()) + "\n")


main(*sys.argv[1:])
