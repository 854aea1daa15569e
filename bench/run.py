"""The benchmarks' command line: builds what is to be measured, measures, prints tables.

Called by script/bench; bench/README.md says what is measured and how to read it.
"""

import argparse
import os
import sys

import blocking
import echo
import fanout
import forward
import instructions
import udp
from harness import ROOT, Bench, build


def parse_arguments():
    about = "Measures Parley on loopback; bench/README.md says what and how to read it."
    parser = argparse.ArgumentParser(prog="script/bench", description=about)
    modes = parser.add_subparsers(dest="what", required=True)

    def words(servers):
        def read(text):
            names = text.split(",")
            for name in names:
                if name not in servers:
                    raise argparse.ArgumentTypeError(f"{name}: one of {', '.join(servers)}")
            return names

        return read

    def adder(module):
        def add(name, run, servers, what):
            mode = modes.add_parser(name, help=what, description=what)
            mode.add_argument("--runs", type=int, default=5, help="rounds (default 5)")
            mode.add_argument("--servers", type=words(module.SERVERS), default=servers,
                              help=f"of {', '.join(module.SERVERS)}")
            mode.add_argument("--cpu-seconds", type=float, default=1, help="of the server per run (default 1)")
            mode.add_argument("--quick", action="store_true", help="one short round, to see that it works")
            mode.add_argument("--bin", help="take the programs from this folder, and build nothing")
            mode.set_defaults(run=run, known=module.SERVERS, target=module.TARGET)
            return mode

        return add

    for module in (fanout, blocking, echo, forward, udp):
        module.add_modes(adder(module))
    instructions.add_modes(modes, words)
    args = parser.parse_args()
    if args.what != "instructions" and args.quick:
        args.runs, args.cpu_seconds = 1, 0.2
    return args


def main():
    args = parse_arguments()
    if not args.bin:
        build(args.target)
        args.bin = os.path.join(ROOT, "build", "release", "bin")
    args.bin = os.path.abspath(args.bin)
    if args.what == "instructions":   # nothing is timed: neither a still machine nor cores of one's own are needed
        return ended(args.run(args))
    bench = Bench(args, args.known)
    status = ended(args.run(bench, args))
    print(f"raw results: {os.path.relpath(bench.raw_path, ROOT)}")
    return status


def ended(lines):
    """Prints the last lines of a benchmark; the exit status that they stand for."""
    print("\n".join(lines))
    return 1 if any(line.startswith(("WRONG", "failed")) for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main())
