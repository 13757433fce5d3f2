#!/usr/bin/env python3
"""Prints where the time of the tests goes. Its exit code is that of what it runs: time is printed, never asserted.

times.py parts PART...    runs `make PART` for each, up to the first that fails, then prints a table of them
times.py tests COMMAND... runs COMMAND, a `cargo nextest run`, then prints tables from its JUnit file

Budgets, and which tests run in real time: tests/times.toml.
"""

import os
import resource
import signal
import subprocess
import sys
import time
import tomllib
import xml.etree.ElementTree as xml
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KNOWN = ROOT / "tests/times.toml"
# Nextest's folder, which ignores CARGO_TARGET_DIR, and the name in .config/nextest.toml.
JUNIT = ROOT / "target/nextest/default/junit.xml"
SLOWEST = 15
# Groups of a program that take fewer seconds than this share a line.
SMALL = 1.0


def run(command):
    """Returns the exit code of the command, its seconds and its CPU-seconds."""
    began, cpu = time.monotonic(), children_cpu()
    child = subprocess.Popen(command, close_fds=False)  # This is how `make -j` passes on its job slots.
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    while True:
        try:
            code = child.wait()
            break
        except KeyboardInterrupt:
            pass  # The terminal sends it to the command, too.
    # Killed by a signal: the same code as in a shell.
    code = 128 - code if code < 0 else code
    return code, time.monotonic() - began, children_cpu() - cpu


def children_cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def table(title, head, rows):
    """Prints a table. Columns of numbers are aligned to the right."""
    right = [any(isinstance(row[n], float) for row in rows) for n in range(len(head))]
    rows = [[c if isinstance(c, str) else f"{c:.1f}" for c in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *rows)]
    print(f"\n{title}")
    for row in [head] + rows:
        cells = [c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right)]
        print("  " + "  ".join(cells).rstrip())
    sys.stdout.flush()


def parts(names, known):
    make = os.environ.get("MAKE", "make")
    rows, code = [], 0
    for name in names:
        budget = float(known["budget"][name])
        if code:
            rows.append([name, "", "", budget, "not run"])
            continue
        code, seconds, cpu = run([make, "--no-print-directory", name])
        note = "FAILED" if code else "over budget" if seconds > budget else ""
        rows.append([name, seconds, cpu, budget, note])
    ran = [row for row in rows if row[1] != ""]
    total = [sum(row[1] for row in ran), sum(row[2] for row in ran), sum(row[3] for row in rows)]
    title = "Time of each part (the budget: on two quiet cores, from a clean checkout)"
    table(title, ["part", "seconds", "CPU-seconds", "budget", ""], rows + [["all", *total, ""]])
    return code


def tests(command, known):
    JUNIT.unlink(missing_ok=True)
    code, seconds, _ = run(command)
    if not JUNIT.exists():
        return code  # No test ran.
    suites = xml.parse(JUNIT).getroot()
    real_time = tuple(f"{prefix}::" for prefix in known["real_time"])
    cases, groups = [], defaultdict(list)
    for suite in suites.iter("testsuite"):
        # `sidetone` are the unit tests of src/, `sidetone::product` is the program of tests/main.rs.
        program = suite.get("name").removeprefix("sidetone::")
        for case in suite.iter("testcase"):
            name = f"{program} {case.get('name')}"
            mark = "real time" if name.startswith(real_time) else ""
            cases.append((name, float(case.get("time", 0)), mark))
            groups[program, name.rpartition("::")[0].partition("::")[0] or program].append(cases[-1])
    for program, group in list(groups):
        members = groups[program, group]
        if group != program and sum(spent for _, spent, _ in members) < SMALL:
            groups[program, f"{program} (less than {SMALL:.0f} s)"] += groups.pop((program, group))

    rows = []
    for (_, group), members in groups.items():
        marks = {mark for *_, mark in members}
        note = marks.pop() if len(marks) == 1 else "partly real time"
        rows.append([group, f"{len(members)}", sum(spent for _, spent, _ in members), note])
    rows.sort(key=lambda row: -row[2])
    every = sum(spent for _, spent, _ in cases)
    real = sum(spent for _, spent, mark in cases if mark)
    rows.append(["all", f"{len(cases)}", every, f"{real:.1f} in real time"])
    ran = float(suites.get("time", 0))
    title = "Time of each group of tests, added up. Side by side they took"
    title += f" {ran:.0f} s, and the build before them {max(seconds - ran, 0):.0f} s."
    table(title, ["group", "tests", "seconds", ""], rows)
    slowest = sorted(cases, key=lambda case: -case[1])[:SLOWEST]
    table("The slowest tests", ["test", "seconds", ""], [list(case) for case in slowest])
    return code


def main():
    what = {"parts": parts, "tests": tests}.get(sys.argv[1] if sys.argv[2:] else "")
    if what is None:
        sys.exit(__doc__)
    sys.exit(what(sys.argv[2:], tomllib.loads(KNOWN.read_text())))


if __name__ == "__main__":
    main()
