"""Blocking sockets and servers (blocking): CPU per message and per connection, and what the header costs."""

import os
import statistics
import subprocess
import tempfile
import time

from harness import ROOT, median, note, ratio_text, ratios, rotated, table

TARGET = "blocking"
CPU = "cpu_ns_per_unit"
MAX_SECONDS = 20  # of wall time for one measurement, then it ends with less CPU than asked for

# Each server's name, what the table calls it, its program and its arguments.
SERVERS = {
    "echo-bare": ("recv, send", "blocking_echo_bare", ["{port}"]),
    "echo": ("Parley's sockets", "blocking_echo_sockets", ["{port}"]),
    "plain-bare": ("bare calls", "blocking_plain_bare", ["{port}"]),
    "plain": ("TcpServer", "blocking_servers", ["plain", "{port}"]),
    "plain-python": ("Python's TCPServer", "bench/blocking/servers.py", ["plain", "{port}"]),
    "threads-bare": ("bare calls, threads", "blocking_threads_bare", ["{port}"]),
    "threads": ("ThreadingTcpServer", "blocking_servers", ["threading", "{port}"]),
    "threads-python": ("Python's ThreadingTCPServer", "bench/blocking/servers.py", ["threading", "{port}"]),
}

# What is compared with what, and the goal for the library's ratio to the bare calls.
COMPARISONS = (
    ("echo", "one message there and back, one connection", ["echo-bare", "echo"], 1.02),
    ("connections", "a connection with a line there and back", ["plain-bare", "plain", "plain-python"], 1.05),
    ("connections", "the same, a thread each", ["threads-bare", "threads", "threads-python"], 1.05),
)


def blocking(bench, args):
    lines = []
    results = []
    comparisons = [(load, what, bench.built([n for n in names if n in args.servers]), goal)
                   for load, what, names, goal in COMPARISONS]
    for turn in range(args.runs):
        for load, _, names, _ in comparisons:
            for name in rotated(names, turn):
                note(f"run {turn + 1} of {args.runs}: {load}, {name}")
                command = ["blocking_load", load, "--cpu-seconds", args.cpu_seconds, "--max-seconds", MAX_SECONDS]
                results.append(bench.attempt(name, command, {"round": turn}))
    for _, what, names, goal in comparisons:
        if not names:
            continue
        bare = names[0]
        print(f"\n{what}; median of {args.runs}\n")
        rows = []
        for name in names:
            good = [r for r in results if r["server"] == name and "error" not in r]
            if not good:
                rows.append([SERVERS[name][0], "failed", "-", "-"])
                continue
            rows.append([SERVERS[name][0], f"{median(good, CPU) / 1000:.3f}", f"{median(good, 'units_per_second'):,.0f}",
                         ratio_text(ratios(results, CPU, name, bare))])
        table(["", "CPU us each", "a second", "to bare"], rows)
        if len(names) > 1 and (values := ratios(results, CPU, names[1], bare)):
            met = "met" if statistics.median(values) <= goal else "MISSED"
            lines.append(f"goal: {SERVERS[names[1]][0]} / {SERVERS[bare][0]}, {what}: {ratio_text(values)}, "
                         f"at most {goal}: {met}")
    compiling(args.runs)
    return lines + [f"failed: {r['server']}: {r['error']}" for r in results if "error" in r]


# What a program that includes one of these has to read, and how long that takes.
HEADERS = {
    "nothing": "",
    "the system's socket headers": "#include <arpa/inet.h>\n#include <netdb.h>\n#include <netinet/in.h>\n#include <sys/socket.h>\n",
    "<string> and <vector>": "#include <string>\n#include <vector>\n",
    "<parley/socket.h>": "#include <parley/socket.h>\n",
    "<parley/socketserver.h>": "#include <parley/socketserver.h>\n",
    "<asio.hpp>": "#include <asio.hpp>\n",
}


def compiling(runs):
    """Prints lines and time to compile a program that includes a header and does nothing."""
    print(f"\ncompiling a program that only includes (g++ -O0); median of {runs}\n")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "program.cpp")
        command = ["g++", "-std=c++20", "-I", ROOT, source]
        for name, text in HEADERS.items():
            with open(source, "w", encoding="utf-8") as file:
                file.write(text + "int main() {}\n")
            read = subprocess.run(command + ["-E", "-P"], capture_output=True, check=False)
            if read.returncode != 0:
                note(f"{name} is not here: left out")
                continue
            times = []
            for _ in range(runs):
                began = time.monotonic()
                subprocess.run(command + ["-c", "-o", os.path.join(folder, "program.o")], check=True)
                times.append(time.monotonic() - began)
            rows.append([name, f"{read.stdout.count(bytes([10])):,}", f"{statistics.median(times):.2f}"])
    table(["", "lines", "seconds"], rows)


def add_modes(add):
    """Says what script/bench can be asked for; add(name, run, servers, help) answers its argument parser."""
    add("blocking", blocking, list(SERVERS), "blocking sockets and servers against bare calls and Python's")
