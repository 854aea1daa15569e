"""Instructions in user space per unit of work (instructions), by callgrind, and the budgets that Parley keeps."""

import os
import platform
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

from harness import ROOT, Failed, free_port, note, table

TARGET = "instructions"
CLIENT = "instructions_client.so"
BUDGETS = os.path.join(ROOT, "bench", "budgets.txt")
FOLDER = os.path.join(ROOT, "build", "bench", "instructions")
TOLERANCE = 0.03
ATTEMPTS = 3
MAX_SECONDS = 120  # of wall time for one run
CONNECTIONS = 16
MEMBERS = 24

# Each server's name, what the table calls it, and its program.
SERVERS = {
    "bare": ("bare epoll loop", "echo_bare"),
    "libuv": ("libuv", "echo_libuv"),
    "asio": ("Asio, callbacks", "echo_asio_callbacks"),
    "callbacks": ("Parley, Protocol", "echo_callbacks"),
    "coroutines": ("Parley, coroutines", "echo_coroutines"),
    "deadline": ("Parley, coroutines, a deadline at each read", "instructions_deadline"),
    "asio-coroutines": ("Asio, coroutines", "echo_asio_coroutines"),
    "group": ("Parley, Group", "instructions_group"),
}
PARLEY = ["callbacks", "coroutines", "deadline", "group"]

# Runs: the case as instructions/client.cpp is told it, its two numbers, and units.
ONE = ("echo", CONNECTIONS, 1, 400)
ALL = ("echo", CONNECTIONS, CONNECTIONS, 200)
CONNECTION = ("connection", 0, 0, 200)


def delivery(lines):
    return ("delivery", MEMBERS, lines, 200)


# What is measured of a server: the run, the run that is taken off, and how many times it is in one unit of these.
ECHO = {
    "echo": (ONE, None, 1),
    "further": (ALL, ONE, CONNECTIONS - 1),
    "connection": (CONNECTION, None, 1),
}
GROUP = {f"delivery-{lines}": (delivery(lines), None, (MEMBERS - 1) * lines) for lines in (64, 1)}
GOALS = {
    "callbacks.echo": 700,
    "coroutines.echo": 1000,
    "deadline.echo": 1300,
    "callbacks.further": 250,
    "coroutines.further": 400,
    "callbacks.connection": 3000,
    "group.delivery-64": 15,
    "group.delivery-1": 200,
}


def measures(server):
    return GROUP if server == "group" else ECHO


def own_cost(lines, name=CLIENT):
    """What the preloaded client itself cost, of the lines of a file that callgrind wrote.

    A name is written once, and by its number from then on; the line after `calls=` is another function's cost.
    """
    cost = 0
    names = {}
    inside = called = False
    for line in lines:
        if match := re.match(r"c?ob=(\(\d+\))(?: (.*))?", line):
            if match[2]:
                names[match[1]] = match[2]
            if line.startswith("ob="):
                inside = os.path.basename(names[match[1]]) == name
        elif line.startswith("calls="):
            called = True
        elif re.match(r"[-+*\d]", line):
            if inside and not called:
                cost += int(line.split()[1])
            called = False
    return cost


def count(folder, server, run):
    """Instructions of one unit of a run. Two runs of the same program count the same, whatever else goes on."""
    case, first, second, units = run
    port = free_port()
    out = os.path.join(FOLDER, f"{server}-{case}-{first}-{second}.out")
    command = ["valgrind", "--tool=callgrind", "--collect-atstart=no", f"--callgrind-out-file={out}",
               os.path.join(folder, SERVERS[server][1]), str(port)]
    environment = {**os.environ, "LD_PRELOAD": os.path.join(folder, CLIENT),
                   "PARLEY_CASE": f"{case} {port} {first} {second} {units}"}
    try:
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True, timeout=MAX_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise Failed(f"{server}, {case}: no result in {MAX_SECONDS} s") from error
    slept = re.search(r"^slept (\d+)$", done.stderr, re.MULTILINE)
    total = re.search(r"Collected : (\d+)$", done.stderr, re.MULTILINE)
    if done.returncode != 0 or not slept or not total:
        raise Failed(f"{server}, {case}: ended with {done.returncode}: {done.stderr.strip()}")
    # A connection is as many turns as the server makes of it; the others are one, unless the kernel was late.
    if case != "connection" and int(slept[1]) != units:
        raise Failed(f"{server}, {case}: {slept[1]} turns instead of {units}")
    with open(out, encoding="utf-8") as file:
        return (int(total[1]) - own_cost(file)) / units


def attempt(folder, server, run):
    for left in reversed(range(ATTEMPTS)):
        try:
            return count(folder, server, run)
        except Failed as error:
            note(f"  {error}")
            if left == 0:
                raise


def measure(folder, names):
    """Each figure by its name, SERVER.MEASURE, rounded; the runs that two share are made once."""
    runs = {(name, run) for name in names for first, second, _ in measures(name).values() for run in (first, second)}
    runs = sorted(run for run in runs if run[1])
    os.makedirs(FOLDER, exist_ok=True)
    note(f"{len(runs)} runs under callgrind")
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        counts = dict(zip(runs, threads.map(lambda run: attempt(folder, *run), runs)))
    figures = {}
    for name in names:
        for what, (first, second, times) in measures(name).items():
            figure = (counts[name, first] - (counts[name, second] if second else 0)) / times
            figures[f"{name}.{what}"] = round(figure, 1 if figure < 100 else None)
    return figures


def read_budgets(path=BUDGETS):
    with open(path, encoding="utf-8") as file:
        rows = [line.split() for line in file if line.strip() and not line.startswith("#")]
    return {name: float(figure) for name, figure in rows}


def write_budgets(figures, counted_with, path=BUDGETS):
    with open(path, "w", encoding="utf-8") as file:
        file.write("# Instructions per unit of work that were reached: script/test fails where one is exceeded by more\n"
                   "# than 3 %. Written by script/bench instructions --write-budgets; bench/README.md says more.\n")
        file.write(f"# {counted_with}\n")
        for name, figure in figures.items():
            file.write(f"{name} {figure}\n")


def exceeded(figures, budgets):
    """A sentence for each figure that is over its budget, or has none, and for each budget without a figure."""
    found = []
    for name, figure in figures.items():
        if name not in budgets:
            found.append(f"{name} has no budget in bench/budgets.txt")
        elif figure > budgets[name] * (1 + TOLERANCE):
            more = figure / budgets[name] - 1
            found.append(f"{name}: {figure} instructions, {more:.1%} over its budget of {budgets[name]:g}")
    return found + [f"{name} is in bench/budgets.txt, and nothing measures it" for name in budgets if name not in figures]


def tools():
    """Whose counts these are: other versions of these compile, and copy bytes, in other ways."""

    def says(*command):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return (done.stdout.splitlines() or ["?"])[0]

    return f"{says('g++', '--version')}; {' '.join(platform.libc_ver())}; {says('valgrind', '--version')}"


def show(names, figures):
    echoes = [name for name in names if name != "group"]
    if echoes:
        rows = [[SERVERS[name][0]] + [f"{figures[f'{name}.{what}']}" for what in ECHO] for name in echoes]
        print("\nInstructions in user space; 64 bytes\n")
        table(["", "one request in a turn", "a further one", "a connection"], rows)
    if "group" in names:
        rows = [[f"{lines} in a send", f"{figures[f'group.delivery-{lines}']}"] for lines in (64, 1)]
        print(f"\nInstructions for each message and receiver; a group of {MEMBERS}\n")
        table(["messages", "Parley, Group"], rows)


def instructions(args):
    wanted = args.servers or (PARLEY if args.check else list(SERVERS))
    names = [name for name in wanted if os.path.exists(os.path.join(args.bin, SERVERS[name][1]))]
    for name in wanted:
        if name not in names:
            note(f"{name} is not built: left out")
    counted_with = tools()
    print(counted_with, flush=True)
    try:
        figures = measure(args.bin, names)
    except Failed as error:
        return [f"failed: {error}"]
    show(names, figures)
    lines = []
    for name, goal in GOALS.items():
        if name in figures and not args.check:
            met = "met" if figures[name] <= goal else "MISSED"
            lines.append(f"goal: {name}: {figures[name]} of at most {goal}: {met}")
    ours = {name: figure for name, figure in figures.items() if name.split(".")[0] in PARLEY}
    if args.write_budgets and not all(name in names for name in PARLEY):
        lines.append("failed: no budgets written, as not all of Parley's programs were there")
    elif args.write_budgets:
        write_budgets(ours, counted_with)
        lines.append(f"written: {os.path.relpath(BUDGETS, ROOT)}")
    elif args.check:
        budgets = read_budgets()
        wrong = exceeded(ours, budgets)
        for name, figure in ours.items():
            if figure < budgets.get(name, 0) * (1 - TOLERANCE):
                lines.append(f"{name}: {figure}, its budget of {budgets[name]:g} can be lowered (--write-budgets)")
        lines += [f"failed: {line}" for line in wrong]
        if wrong:
            lines.append(f"counted with {counted_with}; bench/budgets.txt says with what the budgets were")
        lines.append(f"{len(ours)} figures, {len(wrong)} complaints")
    return lines


def add_modes(modes, words):
    """Says what script/bench can be asked for. `words` reads names of servers."""
    what = "instructions in user space per unit of work, by callgrind, and Parley's budgets"
    mode = modes.add_parser("instructions", help=what, description=what)
    mode.add_argument("--bin", help="take the programs from this folder, and build nothing")
    choice = mode.add_mutually_exclusive_group()
    choice.add_argument("--servers", type=words(SERVERS), help=f"of {', '.join(SERVERS)}")
    choice.add_argument("--check", action="store_true",
                        help="Parley alone: fail where a budget is exceeded by more than 3 %%")
    choice.add_argument("--write-budgets", action="store_true", help="make what was counted the budgets")
    mode.set_defaults(run=instructions, target=TARGET)
