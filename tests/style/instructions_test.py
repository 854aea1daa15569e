#!/usr/bin/env python3
"""What script/bench instructions makes of callgrind's files, and when a budget counts as exceeded."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
import instructions

# A client that costs 7 of its own, calls libc for 1000, and is called by a server for 1007.
PROFILE = """\
# callgrind format
positions: line
events: Ir
summary: 1234

ob=(1) /build/bin/echo
fl=(1) ???
fn=(1) serve
0 227
cob=(2) /build/bin/instructions_client.so
cfn=(2) epoll_wait
calls=10 0
+3 1007

ob=(2)
fn=(2)
0 4
+5 3
cob=(3) /lib/libc.so.6
cfn=(3) epoll_wait
calls=10 0
* 1000

ob=(3)
fn=(3)
0 1000
""".splitlines()


class OwnCost(unittest.TestCase):
    def test_is_that_of_the_clients_lines_without_what_they_call(self):
        self.assertEqual(instructions.own_cost(PROFILE), 7)

    def test_is_that_of_the_object_asked_for(self):
        self.assertEqual(instructions.own_cost(PROFILE, "echo"), 227)


class Budgets(unittest.TestCase):
    def test_hold_up_to_three_percent(self):
        self.assertEqual(instructions.exceeded({"a.echo": 1030}, {"a.echo": 1000}), [])

    def test_fail_above(self):
        found = instructions.exceeded({"a.echo": 1031, "b.echo": 10}, {"a.echo": 1000, "b.echo": 10})
        self.assertEqual(found, ["a.echo: 1031 instructions, 3.1% over its budget of 1000"])

    def test_fail_where_there_is_no_budget_or_no_figure(self):
        found = instructions.exceeded({"a.echo": 1}, {"b.echo": 1})
        self.assertEqual(len(found), 2, found)
        self.assertIn("a.echo has no budget", found[0])
        self.assertIn("b.echo", found[1])

    def test_are_read_as_they_were_written(self):
        with tempfile.TemporaryDirectory() as room:
            path = Path(room) / "budgets.txt"
            figures = {"a.echo": 1629, "b.delivery-64": 20.2}
            instructions.write_budgets(figures, "a compiler", path)
            self.assertEqual(instructions.read_budgets(path), figures)

    def test_stand_for_each_figure_of_ours(self):
        wanted = [f"{name}.{what}" for name in instructions.PARLEY for what in instructions.measures(name)]
        self.assertEqual(sorted(instructions.read_budgets()), sorted(wanted))


if __name__ == "__main__":
    unittest.main()
