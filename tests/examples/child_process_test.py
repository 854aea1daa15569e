"""A child process piped through: as a pipe alone would, and no faster than the child reads."""

import os
import select
import signal
import subprocess

from examples import Test, main
from talkers import SECONDS, end_process


class ChildProcess(Test):
    def run_child(self, *command, stdin=b""):
        return self.run_example("child_process", *command, stdin=stdin)

    def test_text_goes_through_the_other_program(self):
        self.assertEqual(self.run_child("tr", "a-z", "A-Z", stdin=b"hello"), (0, b"HELLO", b"exit status 0\n"))
        self.assertEqual(self.run_child("sort", "-r", stdin=b"a\nc\nb\n")[1], b"c\nb\na\n")

    def test_megabytes_arrive_unchanged(self):
        data = os.urandom(1 << 20) * 8
        self.assertEqual(self.run_child("cat", stdin=data), (0, data, b"exit status 0\n"))

    def test_what_the_child_says_of_its_end(self):
        self.assertEqual(self.run_child("sh", "-c", "echo oops >&2; exit 3"), (0, b"", b"oops\nexit status 3\n"))
        self.assertEqual(self.run_child("sh", "-c", "kill -TERM $$"), (0, b"", b"SIGTERM\n"))

    def test_a_child_that_reads_nothing_holds_us_back(self):
        """It is stopped: of what we offer, what pipes hold and what may wait is taken, and no more."""
        command = (self.path("child_process"), "sh", "-c", "echo $$; kill -STOP $$; exec wc -c")
        program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(program.stdout.close)
        self.addCleanup(end_process, program)
        child = int(program.stdout.readline())
        taken = 0
        ours = program.stdin.fileno()
        os.set_blocking(ours, False)
        while select.select([], [ours], [], 1)[1]:  # until nothing was taken for a second
            taken += os.write(ours, b"x" * 4096)
            self.assertLess(taken, 1 << 20)
        self.assertGreater(taken, 1 << 16)
        os.kill(child, signal.SIGCONT)
        program.stdin.close()
        self.assertEqual(int(program.stdout.read()), taken)
        self.assertEqual(program.wait(SECONDS), 0)


if __name__ == "__main__":
    main()
