#!/usr/bin/env python3
"""compile_test.py SNIPPET INCLUDE_DIR COMPILER: compiles a snippet that is wrong on purpose.

Each line that ends in `//! TEXT` must be complained of, and TEXT must be among the complaints; no other line may be.
Where the first line says "one error", each is one, and not more.
Without those lines the snippet must compile, so that it is wrong for no other reason.
"""

import re
import subprocess
import sys

MARK = re.compile(r"//! (.*)$")
FLAGS = ("-std=c++20", "-fsyntax-only", "-Wall", "-Werror")
AT_ONCE = 16  # clang gives up after 20 errors


def complaints(text, include_dir, compiler):
    """What the compiler says of a text; empty when it compiles."""
    command = [compiler, *FLAGS, "-I", include_dir, "-x", "c++", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    return done.stderr or f"exit status {done.returncode}"


def without(lines, numbers):
    """The text, with some of its lines empty."""
    return "".join(("" if number in numbers else line) + "\n" for number, line in enumerate(lines, 1))


def check(text, include_dir, compiler):
    """What is not as it should be."""
    lines = text.splitlines()
    wrong = {number: match[1] for number, line in enumerate(lines, 1) if (match := MARK.search(line))}
    if not wrong:
        return ["no line is marked as wrong"]
    if said := complaints(without(lines, wrong), include_dir, compiler):
        return ["the rest does not compile:\n" + said]
    faults, numbers, once = [], sorted(wrong), "one error" in lines[0]
    for first in range(0, len(numbers), AT_ONCE):
        some = set(numbers[first:first + AT_ONCE])
        said = complaints(without(lines, set(wrong) - some), include_dir, compiler)
        named = {int(number) for number in re.findall(r"<stdin>:(\d+):", said)}
        faults += [f"line {number} compiles: {lines[number - 1].strip()}" for number in sorted(some - named)]
        faults += [f"nothing says of line {number}: {wrong[number]}\n{said}"
                   for number in sorted(some & named) if wrong[number] not in said]
        errors = {int(number) for number in re.findall(r"<stdin>:(\d+):\d+: (?:fatal )?error", said)}
        faults += [f"line {number} is complained of too\n{said}" for number in sorted(errors - some)]
        if once and len(re.findall(r"error:", said)) != len(some):
            faults.append(f"more than one error each, of lines {sorted(some)}:\n{said}")
    return faults


def main():
    snippet, include_dir, compiler = sys.argv[1:4]
    with open(snippet, encoding="utf-8") as file:
        faults = check(file.read(), include_dir, compiler)
    for fault in faults:
        print(f"{snippet}: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
