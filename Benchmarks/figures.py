"""The figures of one run: collected from what each program wrote, kept as one JSON document."""

import json
import os
import platform
import statistics
import time
from pathlib import Path

from comparison import AIMS, AUDIT, DOUBLING, JOBS, LIVES, MANY, NATIVE, NO_POLICY, POLICY, PYTHON, RAW, Aim, Job, Peer


def _quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    place = (len(ordered) - 1) * share
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def collect(folder: Path) -> dict:
    """All samples of all passes; sample k of every native job was taken in the same round."""
    samples: dict[str, dict[str, list[float]]] = {}
    threads: dict[str, dict[str, list[list[float]]]] = {}
    passes = sorted(folder.glob("pass*"))
    scale: list[dict] = []
    for path in [path for folder in passes for path in sorted(folder.glob("*.json"))]:
        if path.name.startswith("scale_"):
            scale += json.loads(path.read_text())
            continue
        for record in json.loads(path.read_text()):
            name = record["name"]
            group = record.get("group", RAW if name.startswith("raw ") else NATIVE)
            if "threads" in record:
                threads.setdefault(group, {}).setdefault(name, []).extend(record["threads"])
            else:
                taken = record["samples"] if "samples" in record else record["us"]["samples"]
                samples.setdefault(group, {}).setdefault(name, []).extend(taken)
    machine = f"{os.cpu_count()} cores, {platform.machine().replace('_', '-')}, {platform.system()}"
    return {
        "date": time.strftime("%Y-%m-%d"), "machine": machine, "passes": len(passes), "samples": samples, "threads": threads,
        "scale": scale,
    }  # fmt: skip


class Figure:
    """The samples of one job by one program, in microseconds of a thread's CPU time."""

    def __init__(self, samples: list[float]) -> None:
        self.samples = samples
        self.median = statistics.median(samples)
        self.low, self.high = _quantile(samples, 0.1), _quantile(samples, 0.9)


class Figures:
    """A run's figures, by job."""

    def __init__(self, document: dict) -> None:
        self.date, self.machine, self.passes = document["date"], document["machine"], document["passes"]
        self._samples, self.threads, self.scale = document["samples"], document["threads"], document["scale"]

    def of(self, group: str, name: str) -> Figure | None:
        """Figures of the first group that begins so and has them; none where a program was left out or failed."""
        for found, jobs in self._samples.items():
            if (found == group or found.startswith(group + " ")) and name in jobs:
                return Figure(jobs[name])
        return None

    def raw(self, job: Job) -> Figure:
        figure = self.of(RAW, job.raw)
        assert figure is not None, f"{job.raw}: libsodium was not measured"
        return Figure([sample * job.raw_times for sample in figure.samples])

    def ours(self, job: Job, group: str) -> Figure | None:
        return self.of(group, job.native if group == NATIVE else job.python)

    def peers(self, job: Job) -> list[tuple[Peer, Figure]]:
        """Best first."""
        found = [(peer, self.of(peer.group, peer.name)) for peer in job.peers]
        return sorted(((peer, figure) for peer, figure in found if figure), key=lambda pair: pair[1].median)

    def best(self, job: Job) -> Figure | None:
        return next((figure for peer, figure in self.peers(job) if peer.counts), None)

    def ratio(self, job: Job, figure: Figure, group: str) -> float:
        """To raw libsodium: of samples of the same round where both were taken in rounds, of medians otherwise."""
        raw = self.raw(job)
        if group == NATIVE:
            return statistics.median(ours / theirs for ours, theirs in zip(figure.samples, raw.samples, strict=True))
        return figure.median / raw.median

    def times(self, name: str, other: str) -> float:
        """How much longer one native job takes than another, in the same rounds."""
        ours, theirs = self.of(NATIVE, name), self.of(NATIVE, other)
        assert ours and theirs, f"{name}, {other}: not measured"
        return statistics.median(a / b for a, b in zip(ours.samples, theirs.samples, strict=True))

    def more(self, name: str, other: str) -> float:
        """How many nanoseconds more one native job takes than another, in the same rounds."""
        ours, theirs = self.of(NATIVE, name), self.of(NATIVE, other)
        assert ours and theirs, f"{name}, {other}: not measured"
        return statistics.median(1000 * (a - b) for a, b in zip(ours.samples, theirs.samples, strict=True))

    def gain(self, group: str, name: str) -> float | None:
        """How many times as much two threads get done as one."""
        pairs = self.threads.get(group, {}).get(name)
        return statistics.median(two / one for one, two in pairs) if pairs else None

    def among(self, count: int) -> float | None:
        """How much longer a decision takes for another one of so many agents each time than for the same one."""
        same, other = (self.of(NATIVE, f"{who}, of {count}") for who in ("the same agent", "another agent each time"))
        return other.median / same.median if same and other else None

    def aims(self) -> list[tuple[str, str, bool]]:
        """Each aim, what was measured, and whether it is met."""
        found = [self._aim(aim) for aim in AIMS]
        for what, without, batch, _ in AUDIT:
            ratio = self.times(batch, without)
            found.append((f"audit `batch`, {what}: at most 1.4 × without", f"{ratio:.2f}", ratio <= 1.4))
        for what, name, most in POLICY:
            more = self.more(name, NO_POLICY)
            found.append((f"{what}: at most {most} ns more than no policy", f"{more:.0f} ns", more <= most))
        if (self.gain(RAW, "raw verify, 3 links") or 0) >= 1.9:
            gains = [(what, self.gain(NATIVE, name) or 0) for what, name in DOUBLING]
            found += [(f"{what}: two threads at least 1.9 × one", f"{gain:.2f}", gain >= 1.9) for what, gain in gains]
        for count in MANY:
            if (ratio := self.among(count)) is not None:
                found.append((f"another of {count:,} agents each time: at most 1.5 × the same", f"{ratio:.2f}", ratio <= 1.5))
        for what, name, least in LIVES:
            if least and (figure := self.of(NATIVE, name)):
                rate = 1e6 / figure.median
                found.append((f"lives, {what}: at least {least:,} a second", f"{rate:,.0f}", rate >= least))
        for group in (NATIVE, PYTHON):
            behind = [f"{job.key}: {lag:.2f} × {who}" for job in JOBS for who, lag in self._lag(job, group)]
            found.append((f"{group}: ahead of every peer in every job", "; ".join(behind) or "ahead in all", not behind))
        return found

    def _aim(self, aim: Aim) -> tuple[str, str, bool]:
        job = next(job for job in JOBS if job.key == aim.job)
        figure = self.ours(job, aim.group)
        assert figure is not None, f"{aim.job}: {aim.group} was not measured"
        measured = self.ratio(job, figure, aim.group) if aim.is_ratio else figure.median
        return aim.text, f"{measured:.2f}" + ("" if aim.is_ratio else " µs"), measured <= aim.most

    def _lag(self, job: Job, group: str) -> list[tuple[str, float]]:
        ours = self.ours(job, group)
        if ours is None:
            return []
        return [
            (peer.label, ours.median / figure.median)
            for peer, figure in self.peers(job) if peer.counts and figure.median < ours.median
        ]  # fmt: skip
