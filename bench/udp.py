"""Echo of datagrams (udp): CPU per datagram of the reactor and of a bare recvmmsg loop."""

import statistics

from harness import median, note, ratio_text, ratios, rotated, table

TARGET = "udp"
CPU = "cpu_ns_per_unit"
MAX_SECONDS = 20  # of wall time for one measurement, then it ends with less CPU than asked for
CASES = ((50, 1), (12, 16))  # clients and datagrams in flight of each: fewer in all than one socket's buffer holds
GOAL = 1.1

# Each server's name, what the table calls it, its program and its arguments.
SERVERS = {
    "bare": ("recvmmsg, sendmmsg", "udp_bare", ["{port}"]),
    "parley": ("DatagramProtocol", "udp_parley", ["{port}"]),
}


def udp(bench, args):
    names = bench.built(args.servers)
    results = []
    for turn in range(args.runs):
        for clients, in_flight in CASES:
            for name in rotated(names, turn):
                note(f"run {turn + 1} of {args.runs}: {clients} x {in_flight}, {name}")
                load = ["udp_load", "echo", "--clients", clients, "--in-flight", in_flight]
                load += ["--cpu-seconds", args.cpu_seconds, "--max-seconds", MAX_SECONDS]
                about = {"round": turn, "clients": clients, "in_flight": in_flight}
                results.append(bench.attempt(name, load, about))
    lines = []
    for clients, in_flight in CASES:
        case = [r for r in results if (r["clients"], r["in_flight"]) == (clients, in_flight)]
        print(f"\n{clients} clients, {in_flight} datagrams of 64 bytes in flight of each; median of {args.runs}\n")
        rows = []
        for name in names:
            good = [r for r in case if r["server"] == name and "error" not in r]
            if not good:
                rows.append([SERVERS[name][0], "failed", "-", "-"])
                continue
            values = ratios(case, CPU, name, "bare")
            rows.append([SERVERS[name][0], f"{median(good, CPU) / 1000:.3f}", f"{median(good, 'units_per_second'):,.0f}",
                         ratio_text(values)])
            if name == "parley" and values:
                met = "met" if statistics.median(values) <= GOAL else "MISSED"
                lines.append(f"goal: {SERVERS[name][0]} / bare loop, {clients} x {in_flight}: {ratio_text(values)}, "
                             f"at most {GOAL}: {met}")
        table(["", "CPU us/datagram", "datagrams/s", "to bare"], rows)
    return lines + [f"failed: {r['server']}: {r['error']}" for r in results if "error" in r]


def add_modes(add):
    """Says what script/bench can be asked for; add(name, run, servers, help) answers its argument parser."""
    add("udp", udp, list(SERVERS), "echo of datagrams: the reactor and a bare recvmmsg loop")
