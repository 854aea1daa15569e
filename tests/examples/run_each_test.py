"""Commands side by side, a few at a time: each line of their output with their name, and how they ended."""

import os
import signal

from examples import Test, main
from programs import Program


class RunEach(Test):
    def run_lines(self, *commands, at_a_time=4):
        status, out, error = self.run_example("run_each", at_a_time, stdin="\n".join(commands).encode())
        self.assertEqual((status, error), (0, b""))
        return out.decode().splitlines()

    def test_output_is_told_with_its_command(self):
        told = self.run_lines("echo out; echo err >&2", "printf 'no end'; exit 3", "kill -TERM $$")
        one = [line for line in told if line.startswith("echo out; echo err >&2: ")]
        self.assertEqual({line.rsplit(": ", 1)[1] for line in one}, {"out", "err", "exit status 0"})
        self.assertEqual(one[-1], "echo out; echo err >&2: exit status 0")
        self.assertIn("printf 'no end'; exit 3: no end", told)
        self.assertIn("printf 'no end'; exit 3: exit status 3", told)
        self.assertIn("kill -TERM $$: SIGTERM", told)

    def test_one_at_a_time_is_in_their_order(self):
        commands = [f"echo {number}" for number in range(20)]
        told = self.run_lines(*commands, at_a_time=1)
        self.assertEqual(told, [f"{line}: {end}" for line in commands for end in (line.split()[1], "exit status 0")])

    def test_two_run_side_by_side(self):
        """Each waits for a word of the other's: one after another, the first would wait for ever."""
        folder = self.folder()
        left, right = (os.path.join(folder, name) for name in ("left", "right"))
        for path in (left, right):
            os.mkfifo(path)
        told = self.run_lines(f"echo a > {left}; cat {right}", f"cat {left}; echo b > {right}", at_a_time=2)
        self.assertEqual({line.rsplit(": ", 1)[1] for line in told}, {"a", "b", "exit status 0"})

    def test_ctrl_c_ends_those_that_run(self):
        commands = self.file("echo $$; exec sleep 600\n", "commands")
        program = Program("sh", "-c", 'exec "$0" < "$1"', self.path("run_each"), commands)
        self.addCleanup(program.close)
        child = int(program.stdout.read_line().rsplit(b" ", 1)[1])
        program.signal(signal.SIGINT)
        self.assertEqual(program.wait(), 0)
        with self.assertRaises(ProcessLookupError):
            os.kill(child, 0)


if __name__ == "__main__":
    main()
