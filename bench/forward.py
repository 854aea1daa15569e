"""Forwarding a gigabyte through one process (forward): its CPU for each MiB, against a bare epoll loop."""

import statistics

from harness import median, note, ratio_text, ratios, rotated, table

TARGET = "forward"
CPU = "cpu_ns_per_unit"
GOAL = 1.05

# Each server's name, what the table calls it, its program and its arguments.
SERVERS = {
    "bare": ("recv, send", "forward_bare", ["{port}", "{next}"]),
    "forwarder": ("examples/forwarder", "forwarder", ["{port}", "127.0.0.1", "{next}"]),
}


def forward(bench, args):
    names = bench.built(args.servers)
    size = 100_000_000 if args.quick else 1_000_000_000
    results = []
    for turn in range(args.runs):
        for name in rotated(names, turn):
            note(f"run {turn + 1} of {args.runs}: {name}")
            results.append(bench.attempt(name, ["forward_load", "forward", "--bytes", size], {"round": turn}))
    print(f"\n{size / 1e9:g} GB forwarded; median of {args.runs}\n")
    rows = []
    for name in names:
        good = [r for r in results if r["server"] == name and "error" not in r]
        if good:
            rows.append([SERVERS[name][0], f"{median(good, CPU) / 1000:.1f}", f"{median(good, 'units_per_second'):,.0f}",
                         ratio_text(ratios(results, CPU, name, "bare"))])
        else:
            rows.append([SERVERS[name][0], "failed", "-", "-"])
    table(["", "CPU us/MiB", "MiB/s", "to bare"], rows)
    lines = [f"failed: {r['server']}: {r['error']}" for r in results if "error" in r]
    if values := ratios(results, CPU, "forwarder", "bare"):
        met = "met" if statistics.median(values) <= GOAL else "MISSED"
        lines.append(f"goal: examples/forwarder / recv, send: {ratio_text(values)}, at most {GOAL}: {met}")
    return lines


def add_modes(add):
    """Says what script/bench can be asked for; add(name, run, servers, help) answers its argument parser."""
    add("forward", forward, list(SERVERS), "a gigabyte through a forwarder, against a bare loop")
