"""What the tests' own programs promise."""

import threading
import unittest
from unittest import mock

import programs


class Late(programs.Output):
    """Is read only once the program has been waited for."""

    waited = threading.Event()

    def run(self):
        self.waited.wait()
        super().run()


class Programs(unittest.TestCase):
    def test_all_that_was_written_is_there_once_it_was_waited_for(self):
        with mock.patch("programs.Output", Late):
            program = programs.Program("sh", "-c", "echo out; echo error >&2; exit 3")
        program.stdout.follow()
        wait = program.process.wait

        def wait_and_then_read(seconds):
            status = wait(seconds)
            threading.Timer(0.05, Late.waited.set).start()
            return status

        program.process.wait = wait_and_then_read
        self.assertEqual(program.wait(), 3)
        self.assertEqual((program.stdout.text(), program.stderr.text()), (b"out\n", b"error\n"))
        program.close()


if __name__ == "__main__":
    unittest.main()
