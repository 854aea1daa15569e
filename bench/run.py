"""Runs the fan-out benchmark: builds it, runs servers and load interleaved, prints medians.

Called by script/bench; bench/README.md says what is measured and how to read it.
"""

import argparse
import datetime
import json
import os
import platform
import random
import socket
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FAULTS = "lost/reordered/cut"
MAX_SECONDS = 20  # of wall time for one measurement, then it ends with less CPU than asked for

# Each server's name, what the table calls it, its program and its arguments.
SERVERS = {
    "send": ("(a) one send per message", "fanout_floor_send", ["{port}"]),
    "turn": ("(b) one send per turn", "fanout_floor_turn", ["{port}"]),
    "asio": ("(c) Asio chat", "fanout_asio_chat", ["{port}"]),
    "chat": ("(d) examples/chat", "chat", ["{port}"]),
    "parleyd": ("(e) parleyd", "parleyd", ["--listen", "line://127.0.0.1:{port}", "--quiet"]),
    "parleyd-10ms": (
        "(e) parleyd, 10 ms",
        "parleyd",
        ["--listen", "line://127.0.0.1:{port}", "--quiet", "--flush-interval", "10ms"],
    ),
}

# Which of them are measured unless asked otherwise.
USUAL = {
    "fanout": ["send", "turn", "asio", "chat", "parleyd"],
    "rate": ["turn", "chat", "parleyd", "parleyd-10ms"],
    "memory": ["turn", "asio", "chat", "parleyd"],
}


def note(text):
    print(text, file=sys.stderr, flush=True)


class Failed(Exception):
    """A run that gave no result; the reason is its text."""


class Bench:
    """Where the programs are, on which cores they run, and where raw results go."""

    def __init__(self, args):
        self.bin = args.bin
        cores = sorted(os.sched_getaffinity(0))
        self.server_core, self.load_core = (cores[0], cores[1]) if len(cores) > 1 else (None, None)
        folder = os.path.join(ROOT, "build", "bench")
        os.makedirs(folder, exist_ok=True)
        stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
        self.raw_path = os.path.join(folder, f"{args.what}-{stamp}.jsonl")
        self.raw = open(self.raw_path, "w", encoding="utf-8")
        self.log = open(os.path.join(folder, "servers.log"), "w", encoding="utf-8")
        about = machine(self)
        print("\n".join(f"{key}: {value}" for key, value in about.items()), flush=True)
        if float(about["load average"]) > 0.5:
            note("this machine is busy with other things: expect figures that vary")
        self.write({"what": args.what, **about})

    def write(self, result):
        self.raw.write(json.dumps(result) + "\n")
        self.raw.flush()

    def program(self, name):
        return os.path.join(self.bin, SERVERS[name][1])

    def spawn(self, command, core, **streams):
        pinned = [] if core is None else ["taskset", "-c", str(core)]
        return subprocess.Popen(pinned + command, stdin=subprocess.DEVNULL, **streams)

    def measure(self, name, load_args, timeout):
        """One server, one load; the load's JSON."""
        port = free_port()
        command = [self.program(name)] + [part.format(port=port) for part in SERVERS[name][2]]
        # Whatever a server prints on stdout goes to /dev/null: a conversation log is not measured.
        server = self.spawn(command, self.server_core, stdout=subprocess.DEVNULL, stderr=self.log)
        load = None
        try:
            wait_until_listening(server, port)
            command = [os.path.join(self.bin, "fanout_load"), load_args[0]]
            command += ["--port", str(port), "--pid", str(server.pid)] + [str(arg) for arg in load_args[1:]]
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
            load = self.spawn(command, self.load_core, **pipes)
            out, err = load.communicate(timeout=timeout)
            if load.returncode != 0:
                ended = "" if server.poll() is None else f"; the server ended with {server.returncode}"
                raise Failed((err.strip() or f"the load ended with {load.returncode}") + ended)
            return json.loads(out)
        except subprocess.TimeoutExpired as error:
            raise Failed(f"no result in {timeout} s") from error
        finally:
            for child in (server, load):
                if child is not None and child.poll() is None:
                    child.kill()
                    child.wait()

    def attempt(self, name, load_args, about, timeout=240):
        """measure(), with what it is about, noted in the raw results; an "error" for figures if it fails."""
        result = {"server": name, **about}
        try:
            result.update(self.measure(name, load_args, timeout))
        except Failed as error:
            result["error"] = str(error)
            note(f"  {name}: {error}")
        self.write(result)
        return result


def machine(bench):
    def git(*args):
        command = ["git", "-C", ROOT, *args]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    def read(path):
        with open(path, encoding="utf-8") as file:
            return file.read()

    lines = read("/proc/cpuinfo").splitlines()
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    pinned = f"server on {bench.server_core}, load on {bench.load_core}"
    if bench.server_core is None:
        pinned = "nothing pinned"
    dirty = " and changes" if git("status", "--porcelain") else ""
    return {
        "machine": f"{(models or ['?'])[0]}, {os.cpu_count()} cores ({pinned})",
        "kernel": f"{platform.release()}, {read('/proc/sys/net/ipv4/tcp_congestion_control').strip()}",
        "date": datetime.datetime.now().strftime("%Y-%m-%d %H:%M"),
        "commit": (git("rev-parse", "--short", "HEAD") or "none") + dirty,
        "load average": read("/proc/loadavg").split()[0],
    }


def free_port():
    """A free port below those that the kernel gives to clients."""
    while True:
        port = random.randrange(20000, 30000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def listening(port):
    """Whether somebody listens there; asks the kernel, as a connection would be the server's first client."""
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        if os.path.exists(path):
            with open(path, encoding="ascii") as file:
                rows = [line.split() for line in file.readlines()[1:]]
            if any(int(row[1].split(":")[1], 16) == port and row[3] == "0A" for row in rows):
                return True
    return False


def wait_until_listening(server, port):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise Failed(f"the server ended with {server.returncode}; see build/bench/servers.log")
        if listening(port):
            return
        time.sleep(0.01)
    raise Failed("the server does not listen")


def build():
    note("building build/release: fanout")
    for command in ("cmake --preset release", "cmake --build --preset release --target fanout"):
        done = subprocess.run(command.split(), cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            note(done.stdout + done.stderr)
            sys.exit(f"script/bench: failed: {command}")


def built(bench, names):
    for name in names:
        if not os.path.exists(bench.program(name)):
            note(f"{name} is not built: left out")
    return [name for name in names if os.path.exists(bench.program(name))]


def rotated(servers, turn):
    """Each round begins with another server, so that none always comes first."""
    first = turn % max(1, len(servers))
    return servers[first:] + servers[:first]


def table(head, rows):
    widths = [max(len(row[i]) for row in [head] + rows) for i in range(len(head))]

    def line(cells):
        numbers = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:])]
        return "| " + " | ".join([cells[0].ljust(widths[0])] + numbers) + " |"

    rule = "|" + "|".join("-" * (width + 1) + (":" if i else "-") for i, width in enumerate(widths)) + "|"
    print("\n".join([line(head), rule] + [line(row) for row in rows]) + "\n", flush=True)


def median(results, key):
    return statistics.median(result[key] for result in results)


def ratios(results, name, other):
    """CPU per delivery of one server over another's, round by round; where both have a result."""
    cpu = {(r["server"], r["round"]): r["cpu_ns_per_delivery"] for r in results if "error" not in r}
    rounds = sorted({r["round"] for r in results})
    return [cpu[name, i] / cpu[other, i] for i in rounds if (name, i) in cpu and (other, i) in cpu]


def ratio_text(values):
    if not values:
        return "-"
    spread = f" ({min(values):.2f}-{max(values):.2f})" if len(values) > 1 else ""
    return f"{statistics.median(values):.2f}{spread}"


def faults(results):
    return "/".join(str(sum(r[key] for r in results)) for key in ("lost", "reordered", "cut"))


# fanout


def fanout(bench, args):
    servers = built(bench, args.servers)
    cases = [(clients, *case) for clients in args.clients for case in args.cases]
    results = []
    for turn in range(args.runs):
        for clients, senders, window in cases:
            for name in rotated(servers, turn):
                note(f"run {turn + 1} of {args.runs}: {clients} clients, {senders} x {window}, {name}")
                about = {"round": turn, "clients": clients, "senders": senders, "window": window}
                load = ["closed", "--clients", clients, "--senders", senders, "--window", window]
                load += ["--cpu-seconds", args.cpu_seconds, "--max-seconds", MAX_SECONDS]
                results.append(bench.attempt(name, load, about))
    for clients, senders, window in cases:
        print(f"\n{clients} clients; {senders} sending, {window} in flight each; median of {args.runs}\n")
        fanout_table(of_case(results, clients, senders, window), servers, single=senders * window == 1)
    return goals(results) + verdict(results)


def of_case(results, *case):
    return [r for r in results if (r["clients"], r["senders"], r["window"]) == case]


def fanout_table(results, servers, single):
    """single: each message leaves in a send of its own whatever a server does, so (a) is the floor too."""
    head = ["server", "CPU us/delivery", "deliveries/s", "p50 ms", "p99 ms", "lines/read", FAULTS, "to (b)"]
    rows = []
    for name in servers:
        good = [r for r in results if r["server"] == name and "error" not in r]
        if not good:
            rows.append([SERVERS[name][0], "failed"] + ["-"] * (len(head) - 2 + single))
            continue
        row = [
            SERVERS[name][0],
            f"{median(good, 'cpu_ns_per_delivery') / 1000:.4f}",
            f"{median(good, 'deliveries_per_second'):,.0f}",
            f"{median(good, 'p50_us') / 1000:.2f}",
            f"{median(good, 'p99_us') / 1000:.2f}",
            f"{median(good, 'lines_per_read'):.1f}",
            faults(good),
            ratio_text(ratios(results, name, "turn")),
        ]
        rows.append(row + ([ratio_text(ratios(results, name, "send"))] if single else []))
    table(head + (["to (a)"] if single else []), rows)


def goals(results):
    """What issue 2 asks for, at 1000 clients, as far as it was measured."""
    lines = []
    for name, other, (senders, window), goal in (
        ("parleyd", "turn", (16, 16), 1.3),
        ("parleyd", "turn", (1, 64), 1.3),
        ("parleyd", "send", (1, 1), 1.05),
        ("chat", "parleyd", (16, 16), 1.1),
        ("chat", "parleyd", (1, 64), 1.1),
        ("chat", "parleyd", (1, 1), 1.1),
    ):
        values = ratios(of_case(results, 1000, senders, window), name, other)
        if values:
            met = "met" if statistics.median(values) <= goal else "MISSED"
            what = f"{name} / {other}, {senders} x {window}, 1000 clients"
            lines.append(f"goal: {what}: {ratio_text(values)}, at most {goal}: {met}")
    return lines


def verdict(results):
    failed = [r for r in results if "error" in r]
    wrong = [r for r in results if r.get("lost") or r.get("reordered") or r.get("cut")]
    lines = [f"failed: {r['server']}, {r['clients']} clients: {r['error']}" for r in failed]
    lines += [f"WRONG: {r['server']}, {r['clients']} clients: {FAULTS} {faults([r])}" for r in wrong]
    return lines


# rate


def rate(bench, args):
    servers = built(bench, args.servers)
    results = []
    for turn, name in ((turn, name) for turn in range(args.runs) for name in rotated(servers, turn)):
        note(f"run {turn + 1} of {args.runs}: {args.rate} messages/s to {args.clients} clients, {name}")
        load = ["rate", "--clients", args.clients, "--senders", args.senders]
        load += ["--rate", args.rate, "--seconds", args.seconds]
        about = {"round": turn, "clients": args.clients, "senders": args.senders, "rate": args.rate}
        results.append(bench.attempt(name, load, about))
    print(f"\n{args.rate} messages/s from {args.senders} senders to {args.clients} clients", end="")
    print(f" for {args.seconds} s; median of {args.runs}\n")
    rows = []
    lines = []
    for name in servers:
        good = [r for r in results if r["server"] == name and "error" not in r]
        if not good:
            rows.append([SERVERS[name][0], "failed"] + ["-"] * 6)
            continue
        kept = sum(r["kept_up"] for r in good)
        p99 = median(good, "p99_us") / 1000
        rows.append(
            [
                SERVERS[name][0],
                f"{kept} of {args.runs}",
                f"{median(good, 'lag_ms'):.1f}",
                f"{100 * median(good, 'server_share'):.0f} %",
                f"{median(good, 'p50_us') / 1000:.2f}",
                f"{p99:.2f}",
                f"{median(good, 'lines_per_read'):.1f}",
                faults(good) if kept == len(good) else "behind",
            ]
        )
        if name.startswith("parleyd"):
            met = "met" if kept == args.runs and p99 < 30 else "MISSED"
            what = f"{name} keeps up, p99 under 30 ms"
            lines.append(f"goal: {what}: {kept} of {args.runs}, {p99:.2f} ms: {met}")
    table(["server", "kept up", "lag ms", "CPU", "p50 ms", "p99 ms", "lines/read", FAULTS], rows)
    # A server that falls behind has not lost what is still on its way.
    return lines + verdict([r for r in results if "error" in r or r["kept_up"]])


# memory


def growth(runs, key, first):
    """Bytes per client between two steps of a run: from none (0) or a tenth (1) to all clients."""
    values = []
    for steps in runs:
        clients = steps[-1]["clients"] - steps[first]["clients"]
        values.append(1024 * (steps[-1][key] - steps[first][key]) / clients)
    return statistics.median(values)


def memory(bench, args):
    servers = built(bench, args.servers)
    results = []
    for turn, name in ((turn, name) for turn in range(args.runs) for name in rotated(servers, turn)):
        note(f"run {turn + 1} of {args.runs}: {args.clients} idle clients, {name}")
        about = {"round": turn, "clients": args.clients}
        results.append(bench.attempt(name, ["idle", "--clients", args.clients], about))
    print(f"\n{args.clients} idle clients: growth in bytes per client; median of {args.runs}\n")
    rows = []
    lines = []
    for name in servers:
        good = [r["memory"] for r in results if r["server"] == name and "error" not in r]
        if not good:
            rows.append([SERVERS[name][0], "failed"] + ["-"] * 3)
            continue

        rss = growth(good, "rss_kib", 0)
        rest = [rss, growth(good, "rss_kib", 1), growth(good, "anonymous_kib", 0)]
        kib = statistics.median(steps[-1]["rss_kib"] for steps in good)
        rows.append([SERVERS[name][0]] + [f"{value:.0f}" for value in rest] + [f"{kib:,.0f}"])
        if name == "parleyd":
            met = "met" if rss <= 256 else "MISSED"
            lines.append(f"goal: parleyd at most 256 bytes per idle client: {rss:.0f}: {met}")
    tenth = args.clients // 10
    table(["server", "RSS, from 0", f"RSS, from {tenth}", "anonymous, from 0", "RSS KiB in the end"], rows)
    return lines + verdict(results)


def parse_arguments():
    def words(text):
        names = text.split(",")
        for name in names:
            if name not in SERVERS:
                raise argparse.ArgumentTypeError(f"{name}: one of {', '.join(SERVERS)}")
        return names

    def numbers(text):
        return [int(word) for word in text.split(",")]

    def pairs(text):
        return [tuple(int(number) for number in word.split("x")) for word in text.split(",")]

    about = "Measures chat servers on loopback; bench/README.md says what and how to read it."
    parser = argparse.ArgumentParser(prog="script/bench", description=about)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--runs", type=int, default=5, help="rounds (default 5)")
    common.add_argument("--servers", type=words, help=f"of {', '.join(SERVERS)}")
    common.add_argument("--bin", help="take the programs from this folder, and build nothing")
    modes = parser.add_subparsers(dest="what", required=True)

    mode = modes.add_parser("fanout", parents=[common], help="CPU per delivered message, closed loop")
    mode.add_argument("--clients", type=numbers, default=[100, 1000, 10000], metavar="N,N")
    mode.add_argument("--cases", type=pairs, default=pairs("1x1,1x64,16x16"), help="SxW: senders x in flight")
    mode.add_argument("--cpu-seconds", type=float, default=1, help="of the server per run (default 1)")
    mode.add_argument("--quick", action="store_true", help="one short round, to see that it works")
    mode.set_defaults(run=fanout)

    mode = modes.add_parser("rate", parents=[common], help="messages at a fixed rate: does it keep up?")
    mode.add_argument("--rate", type=int, default=10000, help="messages per second (default 10000)")
    mode.add_argument("--clients", type=int, default=1000)
    mode.add_argument("--senders", type=int, default=16)
    mode.add_argument("--seconds", type=int, default=10)
    mode.set_defaults(run=rate)

    mode = modes.add_parser("memory", parents=[common], help="memory per idle client")
    mode.add_argument("--clients", type=int, default=10000)
    mode.set_defaults(run=memory)

    args = parser.parse_args()
    args.servers = args.servers or USUAL[args.what]
    if args.what == "fanout" and args.quick:
        args.runs, args.cpu_seconds = 1, 0.2
        args.clients = [clients for clients in args.clients if clients <= 1000]
    return args


def main():
    args = parse_arguments()
    if not args.bin:
        build()
        args.bin = os.path.join(ROOT, "build", "release", "bin")
    bench = Bench(args)
    lines = args.run(bench, args)
    print("\n".join(lines))
    print(f"raw results: {os.path.relpath(bench.raw_path, ROOT)}")
    return 1 if any(line.startswith(("WRONG", "failed")) for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main())
