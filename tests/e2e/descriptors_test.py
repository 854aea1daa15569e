"""Out of descriptors: those who are there are served, others are refused, and the loop stays calm."""

import os
import re
import resource

from parley_e2e import GREETING, Test, main
from talkers import containing, pump, until_end

FULL = b"Server is full, try again later\r\n"
LIMIT = 64
FD_SETSIZE = 1024
LOGGED = rb"(?i)full|descriptor|too many|refused"
IDLE_SECONDS = 0.5
CALM = 0.15  # of those; a loop that spins takes nearly all


class Descriptors(Test):
    def parleyd(self, *arguments, **more):
        """UBSan asks a pipe whether an object's memory can be read: with none to be had, it calls every
        object a bad one (vptr). That one check is left out."""
        options = filter(None, (os.environ.get("UBSAN_OPTIONS"), "suppressions=" + self.file("vptr:*\n", "ubsan.supp")))
        return super().parleyd(*arguments, environment={"UBSAN_OPTIONS": ":".join(options)}, **more)

    def arrive(self, count):
        """Clients that come at once, and are greeted or refused, in the order in which they came."""
        clients = [self.connect(self.where(self.server)) for _ in range(count)]
        pump({client: containing(b"\n") for client in clients})
        served = [client for client in clients if client.seen.startswith(GREETING)]
        refused = [client for client in clients if client not in served]
        for place, client in enumerate(served):
            client.expect(GREETING, *(other.joined() for other in served[place + 1 :]))
        for client in refused:
            client.expect_end(FULL)
        return served, refused

    def log_lines(self):
        return len(re.findall(LOGGED, self.server.stderr.text()))


class Few(Descriptors):
    def setUp(self):
        super().setUp()
        self.server = self.parleyd(*self.arguments, descriptors=(LIMIT, LIMIT))

    def test_those_it_has_are_served_and_others_refused(self):
        served, refused = self.arrive(2 * LIMIT)
        self.assertGreater(len(served), LIMIT // 2)
        self.assertGreater(len(refused), LIMIT)
        self.fence(served[0], *served[1:])  # nobody heard of those who were refused
        self.server.stderr.wait_for(LOGGED)
        self.assertLess(self.log_lines(), 10, "it logs every refusal")

    def test_a_refused_client_that_already_talks(self):
        served, _ = self.arrive(LIMIT)
        refused = [self.connect(self.where(self.server)) for _ in range(20)]
        for client in refused:
            try:
                client.transmit(b"let me in\n")
            except (ConnectionResetError, BrokenPipeError):
                pass
        for client in refused:
            pump({client: until_end})
            self.assertIn(bytes(client.seen), (FULL, b""))
        self.fence(served[0], *served[1:])

    def test_it_does_not_spin(self):
        served, _ = self.arrive(LIMIT)
        for _ in range(LIMIT):
            self.connect(self.where(self.server))
        self.assertLess(self.cpu_while_idle(self.server, IDLE_SECONDS), CALM)
        self.fence(served[0], *served[1:])

    def test_it_recovers_when_some_leave(self):
        served, _ = self.arrive(LIMIT + 10)
        for _ in range(3):
            for client in served[:10]:
                client.close()
                served[-1].take_until(client.left())
            del served[:10]
            newer, refused = self.arrive(12)
            self.assertEqual((len(newer), len(refused)), (10, 2))
            for client in served:
                client.take_until(newer[-1].joined())
            served += newer
            self.fence(served[0], *served[1:])


class FewUnderPoll(Few):
    arguments = ("--reactor", "poll")


class FewUnderSelect(Few):
    arguments = ("--reactor", "select")


class TakenAway(Descriptors):
    """The limit is lowered while it runs, below what it has: now not even a refusal can be said."""

    def lower(self, limit):
        resource.prlimit(self.server.pid, resource.RLIMIT_NOFILE, (limit, self.hard))

    def setUp(self):
        super().setUp()
        self.server = self.parleyd()
        self.hard = resource.prlimit(self.server.pid, resource.RLIMIT_NOFILE)[1]

    def test_calm_while_it_lasts_and_well_after(self):
        served, _ = self.arrive(5)
        self.lower(1)
        waiting = [self.connect(self.where(self.server)) for _ in range(20)]
        self.assertLess(self.cpu_while_idle(self.server, IDLE_SECONDS), CALM)
        self.fence(served[0], *served[1:])
        for client in waiting:
            client.receive()
            self.assertIn(bytes(client.seen), (b"", FULL))
        self.assertLess(self.log_lines(), 10, "it logs every attempt")
        self.lower(self.hard)
        refused = 0
        for client in waiting:  # those who were kept waiting come in, without anything more to wake it
            first = bytes(client.seen) if client.ended else client.take_until(b"\r\n")
            refused += first != GREETING
        later = self.connect(self.where(self.server))
        later.expect(GREETING)
        for client in served:
            seen = client.take_until(later.joined())
            self.assertEqual(seen.count(b"Client joined"), len(waiting) - refused + 1)


class Select(Descriptors):
    """select() cannot watch a descriptor past FD_SETSIZE: that is full, too, and no crash."""

    def test_past_fd_setsize(self):
        self.server = self.parleyd("--reactor", "select", "--quiet")
        served, refused = self.arrive(FD_SETSIZE + 50)
        self.assertGreater(len(served), FD_SETSIZE - 50)
        self.assertGreater(len(refused), 49)
        self.fence(served[0], *served[1:])
        self.assertLess(self.log_lines(), 10)


if __name__ == "__main__":
    main()
