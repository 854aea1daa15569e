"""What the benchmarks share: starting servers and loads on cores of their own, interleaving, medians, tables."""

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


def note(text):
    print(text, file=sys.stderr, flush=True)


class Failed(Exception):
    """A run that gave no result; the reason is its text."""


class Bench:
    """Where the programs are, on which cores they run, and where raw results go.

    servers: of each its name, what tables call it, its program (a file of the build, or a path from the root),
    and its arguments, where {port} stands for the port and {next} for the one
    behind it.
    """

    def __init__(self, args, servers):
        self.bin = args.bin
        self.servers = servers
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
        program = self.servers[name][1]
        return os.path.join(ROOT if "/" in program else self.bin, program)

    def built(self, names):
        for name in names:
            if not os.path.exists(self.program(name)):
                note(f"{name} is not built: left out")
        return [name for name in names if os.path.exists(self.program(name))]

    def spawn(self, command, core, **streams):
        pinned = [] if core is None else ["taskset", "-c", str(core)]
        return subprocess.Popen(pinned + command, stdin=subprocess.DEVNULL, **streams)

    def measure(self, name, load_args, timeout):
        """One server, one load (its program and arguments); the load's JSON."""
        port = free_port()
        command = [self.program(name)] + [part.format(port=port, next=port + 1) for part in self.servers[name][2]]
        if command[0].endswith(".py"):
            command.insert(0, "/usr/bin/python3")
        # Whatever a server prints on stdout goes to /dev/null: a conversation log is not measured.
        server = self.spawn(command, self.server_core, stdout=subprocess.DEVNULL, stderr=self.log)
        load = None
        try:
            wait_until_listening(server, port)
            command = [os.path.join(self.bin, load_args[0]), load_args[1]]
            command += ["--port", str(port), "--pid", str(server.pid)] + [str(arg) for arg in load_args[2:]]
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
    states = {"/proc/net/tcp": "0A", "/proc/net/tcp6": "0A", "/proc/net/udp": "07", "/proc/net/udp6": "07"}
    for path, state in states.items():
        if os.path.exists(path):
            with open(path, encoding="ascii") as file:
                rows = [line.split() for line in file.readlines()[1:]]
            if any(int(row[1].split(":")[1], 16) == port and row[3] == state for row in rows):
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


def build(target):
    note(f"building build/release: {target}")
    for command in ("cmake --preset release", f"cmake --build --preset release --target {target}"):
        done = subprocess.run(command.split(), cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            note(done.stdout + done.stderr)
            sys.exit(f"script/bench: failed: {command}")


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


def ratios(results, key, name, other):
    """A figure of one server over another's, round by round; where both have a result."""
    figures = {(r["server"], r["round"]): r[key] for r in results if "error" not in r}
    rounds = sorted({r["round"] for r in results})
    return [figures[name, i] / figures[other, i] for i in rounds if (name, i) in figures and (other, i) in figures]


def ratio_text(values):
    if not values:
        return "-"
    spread = f" ({min(values):.2f}-{max(values):.2f})" if len(values) > 1 else ""
    return f"{statistics.median(values):.2f}{spread}"

