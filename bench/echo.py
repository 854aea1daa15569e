"""Echo over many connections (echo): CPU per request of the reactor's two manners, a bare loop and peers."""

import statistics

from harness import median, note, ratio_text, ratios, rotated, table

TARGET = "echo"
CPU = "cpu_ns_per_unit"
MAX_SECONDS = 20  # of wall time for one measurement, then it ends with less CPU than asked for
CONNECTIONS = 50
IDLE = 5000  # connections whose memory is measured

# Each server's name, what the table calls it, its program and its arguments.
SERVERS = {
    "bare": ("bare epoll loop", "echo_bare", ["{port}"]),
    "callbacks": ("Parley, Protocol", "echo_callbacks", ["{port}"]),
    "coroutines": ("Parley, coroutines", "echo_coroutines", ["{port}"]),
    "asio": ("Asio, callbacks", "echo_asio_callbacks", ["{port}"]),
    "asio-coroutines": ("Asio, coroutines", "echo_asio_coroutines", ["{port}"]),
    "libuv": ("libuv", "echo_libuv", ["{port}"]),
    "twisted": ("Twisted", "bench/echo/twisted_echo.py", ["{port}"]),
}
GOALS = {"callbacks": 1.02, "coroutines": 1.08}


def echo(bench, args):
    names = bench.built(args.servers)
    results = []
    for turn in range(args.runs):
        for in_flight in (1, 16):
            for name in rotated(names, turn):
                note(f"run {turn + 1} of {args.runs}: {in_flight} in flight, {name}")
                load = ["echo_load", "echo", "--connections", CONNECTIONS, "--in-flight", in_flight]
                load += ["--cpu-seconds", args.cpu_seconds, "--max-seconds", MAX_SECONDS]
                results.append(bench.attempt(name, load, {"round": turn, "in_flight": in_flight}))
    lines = []
    for in_flight in (1, 16):
        case = [r for r in results if r["in_flight"] == in_flight]
        print(f"\n{CONNECTIONS} connections, {in_flight} requests of 64 bytes in flight on each; median of {args.runs}\n")
        rows = []
        for name in names:
            good = [r for r in case if r["server"] == name and "error" not in r]
            if not good:
                rows.append([SERVERS[name][0], "failed", "-", "-"])
                continue
            values = ratios(case, CPU, name, "bare")
            rows.append([SERVERS[name][0], f"{median(good, CPU) / 1000:.3f}", f"{median(good, 'units_per_second'):,.0f}",
                         ratio_text(values)])
            if name in GOALS and values:
                met = "met" if statistics.median(values) <= GOALS[name] else "MISSED"
                lines.append(f"goal: {SERVERS[name][0]} / bare loop, {in_flight} in flight: {ratio_text(values)}, "
                             f"at most {GOALS[name]}: {met}")
        table(["", "CPU us/request", "requests/s", "to bare"], rows)
    return lines + memory(bench, names) + [f"failed: {r['server']}: {r['error']}" for r in results if "error" in r]


def memory(bench, names):
    """Prints what a connection costs that was served once and waits: the server's own memory, not the kernel's."""
    rows = []
    failed = []
    for name in names:
        note(f"memory of {IDLE} connections, {name}")
        result = bench.attempt(name, ["echo_load", "idle", "--connections", IDLE], {"idle": IDLE})
        if "error" in result:
            failed.append(f"failed: {name}: {result['error']}")
        else:
            rows.append([SERVERS[name][0], f"{result['bytes_per_connection']:.0f}"])
    print(f"\n{IDLE} connections that were served once: the server's memory for each\n")
    table(["", "bytes"], rows)
    return failed


def add_modes(add):
    """Says what script/bench can be asked for; add(name, run, servers, help) answers its argument parser."""
    add("echo", echo, list(SERVERS), "echo over 50 connections: callbacks, coroutines, a bare loop, peers")
