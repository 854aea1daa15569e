"""A start that the system has no means for: exit status 1 and a line that says why, whatever is missing."""

import re
import resource
import signal
import subprocess

from parley_e2e import Test, main, program
from talkers import SECONDS

STARTED = b"ChatServer started on port "
SANITIZED = re.compile(rb"__(asan|tsan)_init")


def needs_its_own_addresses(test):
    """Sanitizers lay out the whole room of addresses their way: limits of it cannot be tried with them."""
    with open(program("PARLEYD"), "rb") as file:
        if SANITIZED.search(file.read()):
            test.skipTest("a sanitizer lays out the room of addresses its way")


class Poor(Test):
    def start(self, *limits):
        """Starts parleyd with these limits, ends it once it has started; answers its status and stderr."""

        def limit():
            for what, value in limits:
                resource.setrlimit(what, (value, resource.RLIM_INFINITY))

        command = [program("PARLEYD"), "--listen", "line://127.0.0.1:0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=limit) as process:
            if process.stdout.readline().startswith(STARTED):
                process.send_signal(signal.SIGTERM)
            _, told = process.communicate(timeout=SECONDS)
        return process.returncode, told

    def test_threads_cannot_be_made(self):
        """Each would need a stack that there is no room for."""
        needs_its_own_addresses(self)
        status, told = self.start((resource.RLIMIT_STACK, 1 << 46))
        self.assertEqual(status, 1, told)
        self.assertRegex(told, rb"\Aparleyd: a thread cannot be started: [A-Z].*\n\Z")

    def test_there_is_not_enough_memory(self):
        """Whatever the amount: from what it cannot even be loaded with, to what it runs with."""
        needs_its_own_addresses(self)
        statuses = set()
        for mebibytes in [*range(4, 64, 2), *range(64, 320, 8)]:
            status, told = self.start((resource.RLIMIT_AS, mebibytes << 20))
            with self.subTest(mebibytes=mebibytes):
                self.assertIn(status, (0, 1, 127), told)
                if status == 1:
                    self.assertRegex(told, rb"\Aparleyd: [^\n]+\n\Z")
            statuses.add(status)
        self.assertLessEqual({0, 1}, statuses)

    def test_there_are_not_enough_descriptors(self):
        statuses = set()
        for descriptors in range(3, 24):
            command = ["sh", "-c", 'ulimit -n "$0" && exec "$@"', str(descriptors), program("PARLEYD"), "--listen", "line://127.0.0.1:0"]
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
                if process.stdout.readline().startswith(STARTED):
                    process.send_signal(signal.SIGTERM)
                _, told = process.communicate(timeout=SECONDS)
            with self.subTest(descriptors=descriptors):
                self.assertIn(process.returncode, (0, 1, 127), told)
                if process.returncode == 1:
                    self.assertRegex(told, rb"\Aparleyd: [^\n]+\n\Z")
            statuses.add(process.returncode)
        self.assertLessEqual({0, 1}, statuses)


if __name__ == "__main__":
    main()
