"""What every test of an example stands on: `Test`, which starts examples and their peers, and ends them.

ctest says where the programs are: PARLEY_EXAMPLES is their folder. To run one module by hand:
PARLEY_EXAMPLES=build/release/bin python3 tests/examples/echo_test.py
"""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

import parley_e2e  # noqa: E402  (it stands beside this folder)
from parley_e2e import main, needs  # noqa: E402, F401  (for the tests)
from programs import Program  # noqa: E402
from talkers import SECONDS  # noqa: E402

LAST_NUMBER = re.compile(rb"(\d+)\D*\n")


class Test(parley_e2e.Test):
    """A test with examples, which end with it, and must not have hurt themselves."""

    def path(self, name):
        return os.path.join(parley_e2e.program("PARLEY_EXAMPLES"), name)

    def example(self, name, *arguments, **more):
        """Starts an example; its stdout may be read by line until `stdout.follow()`."""
        program = Program(self.path(name), *map(str, arguments), **more)

        def end():
            program.close()
            self.assertNotRegex(program.stderr.text(), rb"Sanitizer|runtime error")

        self.addCleanup(end)
        return program

    def serve(self, name, *arguments, **more):
        """Starts an example that listens (on a free port, unless told otherwise) and says where.

        Its first line ends with its port, which is `program.port`; what follows is in `program.stdout`.
        """
        program = self.example(name, *(arguments or ("0",)), **more)
        program.first = program.stdout.read_line()
        found = LAST_NUMBER.search(program.first)
        self.assertTrue(found, f"{name} began with {program.first!r}; stderr: {program.stderr.text()!r}")
        program.port = int(found[1])
        program.stdout.follow()
        return program

    def run_example(self, name, *arguments, stdin=b""):
        """Runs an example to its end; answers its exit status, stdout and stderr."""
        done = subprocess.run(
            (self.path(name), *map(str, arguments)), input=stdin, capture_output=True, timeout=SECONDS, check=False
        )
        self.assertNotRegex(done.stderr, rb"Sanitizer|runtime error")
        return done.returncode, done.stdout, done.stderr

    def run_peer(self, *command, stdin=b""):
        """Runs someone else's program, which must succeed; answers what it printed."""
        done = subprocess.run(tuple(map(str, command)), input=stdin, capture_output=True, timeout=SECONDS, check=False)
        self.assertEqual(done.returncode, 0, (done.stdout, done.stderr))
        return done.stdout
