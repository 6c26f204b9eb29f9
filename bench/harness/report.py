"""Figures in words."""

import datetime
import os
import pathlib
import platform
import re


def machine():
    """The machine, as far as it matters for the figures."""
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return {
        "date": datetime.date.today().isoformat(),
        "cores": os.cpu_count(),
        "processor": model.group(1) if model else "unknown",
        "kernel": platform.release(),
        "load_average": os.getloadavg()[0],
    }


def as_data(figures):
    """One subject's figures for `--json`: medians, all samples."""
    keys = figures.samples[0].keys()
    return {
        "name": figures.subject.name,
        "note": figures.subject.note,
        "median": {key: figures.median(key) for key in keys},
        "samples": figures.samples,
    }


def judge(bars, figures):
    """Each bar with what was measured; those whose subjects did not run are left out."""
    cpu = {figure.subject.name: figure.median("cpu_us") for figure in figures}
    for bar in bars:
        if bar.who not in cpu or (bar.of and bar.of not in cpu):
            continue
        reached = cpu[bar.who] / cpu[bar.of] if bar.of else cpu[bar.who]
        yield {"who": bar.who, "of": bar.of, "bound": bar.bound, "reached": reached, "met": reached <= bar.bound}


def print_row(name, row, figures):
    print(f"\n{name}: {row.title}\n")
    print(f"  {'':28} {'CPU us/request':>22} {'requests/s':>11} {'p50 us':>8} {'p99 us':>8} {'MiB':>6} {'core':>5}")
    for figure in figures:
        low, high = figure.spread("cpu_us")
        cpu = f"{figure.median('cpu_us'):.1f} ({low:.1f} to {high:.1f})"
        print(f"  {figure.subject.name:28} {cpu:>22} {figure.median('per_second'):11.0f} {figure.median('p50_us'):8.0f} "
              f"{figure.median('p99_us'):8.0f} {figure.median('memory_mib'):6.1f} {figure.median('busy'):5.0%}")
    print()
    for figure in figures:
        print(f"  {figure.subject.name}: {figure.subject.note}.")
    print()
    first, *others = figures
    for other in others:
        ratio = first.median("cpu_us") / other.median("cpu_us")
        print(f"  {first.subject.name} needs {ratio:.2f} times the CPU of {other.subject.name}.")
    for verdict in judge(row.bars, figures):
        print(f"  {say(verdict)}")
    for figure in figures:
        if figure.median("foreign") > 0.03:
            print(f"  Noise: {figure.median('foreign'):.0%} of the core went to other programs while "
                  f"{figure.subject.name} was measured.")
        if figure.median("busy") < 0.9:
            print(f"  {figure.subject.name} used {figure.median('busy'):.0%} of its core only: its rate is no maximum of "
                  "the program (disk, load generator, other programs).")


def say(verdict):
    if verdict["of"]:
        bar, reached = f"{verdict['bound']:.2f} times {verdict['of']}", f"{verdict['reached']:.2f} times"
    else:
        bar, reached = f"{verdict['bound']:.0f} us", f"{verdict['reached']:.1f} us"
    return f"Bar for {verdict['who']}: at most {bar}; measured {reached}: {'met' if verdict['met'] else 'MISSED'}."


def judge_starts(bars, results):
    for result in results:
        if result["name"] == "mandate":
            for key, bound in bars.items():
                yield {"what": key, "bound": bound, "reached": result[key], "met": result[key] <= bound}


def print_starts(name, title, bars, results):
    print(f"\n{name}: {title}\n")
    print(f"  {'':16} {'first answer ms':>16} {'idle MiB':>9} {'binary MiB':>11}")
    for result in results:
        binary = f"{result['binary_mib']:.1f}" if result["binary_mib"] else "-"
        print(f"  {result['name']:16} {result['start_ms']:16.0f} {result['memory_mib']:9.1f} {binary:>11}   {result['note']}")
    print()
    for verdict in judge_starts(bars, results):
        print(f"  Bar for mandate: {verdict['what']} at most {verdict['bound']}; measured {verdict['reached']:.1f}: "
              f"{'met' if verdict['met'] else 'MISSED'}.")


def judge_streams(bars, results):
    for result in results:
        for key, bound in bars.items():
            reached = result[key]
            yield {"what": key, "bound": bound, "reached": reached,
                   "met": reached >= bound if key == "streams" else reached <= bound}


def print_streams(name, title, bars, results):
    print(f"\n{name}: {title}\n")
    print(f"  {'':16} {'streams':>8} {'KiB each':>9} {'just opened':>12} {'files':>6} {'revoked ms':>11} {'MiB':>7} {'core idle':>10} {'opened/s':>9}")
    for result in results:
        print(f"  {result['name']:16} {result['streams']:8} {result['kib_each']:9.2f} {result['kib_each_at_once']:12.2f} "
              f"{result['files_each']:6.2f} {result['revoked_ms']:11.1f} "
              f"{result['memory_mib']:7.1f} {result['busy']:10.1%} {result['per_second']:9.0f}   {result['note']}")
        print(f"  {result['subscribed']} of them, once they have subscribed: {result['subscribed_kib_more']:.2f} KiB and "
              f"{result['subscribed_files_more']:.2f} files more for each")
    print()
    for verdict in judge_streams(bars, results):
        word = "at least" if verdict["what"] == "streams" else "at most"
        print(f"  Bar for mandate: {verdict['what']} {word} {verdict['bound']}; measured {verdict['reached']:.2f}: "
              f"{'met' if verdict['met'] else 'MISSED'}.")
