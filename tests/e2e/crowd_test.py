"""A thousand clients at once: everybody sees the same, in one same order."""

from parley_e2e import GREETING, Test, main
from talkers import PATIENCE, ending, pump

CROWD = 1000
LINES = 3
SECONDS = 60 * PATIENCE


class Crowd(Test):
    def setUp(self):
        super().setUp()
        self.server = self.parleyd("--quiet", *self.arguments)
        self.observer = self.join(self.server)
        self.order = []  # every line, in the order in which the observer saw it; its own added
        self.spoken = 0

    def observe(self, count):
        """The next lines that the observer sees."""
        have = self.observer.seen.count(b"\n")

        def enough(observer):
            nonlocal have
            if have < count:
                have = observer.seen.count(b"\n")
            return have >= count

        pump({self.observer: enough}, seconds=SECONDS)
        lines = bytes(self.observer.seen).splitlines(keepends=True)
        self.observer.seen.clear()
        self.assertEqual(len(lines), count)
        self.order += lines
        return lines

    def everybody_sees_it(self, clients):
        """The observer says a last word; what each client saw up to it is compared with the one order."""
        word = b"that was part %d" % self.spoken
        self.spoken += 1
        last = self.observer.says(word)
        self.observer.send(word + b"\n")
        self.order.append(last)
        pump({client: ending(last) for client in clients}, seconds=SECONDS)
        places = {line: place for place, line in enumerate(self.order) if line.startswith(b"Client joined")}
        for client in clients:
            own = client.says(b"")[:-2]
            since = places[client.joined()] + 1
            wanted = b"".join(line for line in self.order[since:] if not line.startswith(own))
            self.assertTrue(client.seen == GREETING + wanted, f"{client} saw something else")

    def come(self, count):
        clients = [self.connect(self.where(self.server)) for _ in range(count)]
        seen = self.observe(count)
        self.assertEqual(sorted(seen), sorted(client.joined() for client in clients))
        return clients

    def test_a_thousand_at_once(self):
        clients = self.come(CROWD)
        texts = [b"line %d" % number for number in range(LINES)]
        for text in texts:
            for client in clients:
                client.send(text + b"\r\n")
        seen = self.observe(CROWD * LINES)
        self.assertEqual(sorted(seen), sorted(client.says(text) for client in clients for text in texts))
        for client in clients[::100]:
            own = client.says(b"")[:-2]
            self.assertEqual([line for line in seen if line.startswith(own)], [client.says(text) for text in texts])
        self.everybody_sees_it(clients)
        leaving, staying = clients[: CROWD // 2], clients[CROWD // 2 :]
        for number, client in enumerate(leaving):
            client.reset() if number % 2 else client.close()
        seen = self.observe(len(leaving))
        self.assertEqual(sorted(seen), sorted(client.left() for client in leaving))
        self.everybody_sees_it(staying)

    def test_joins_while_others_talk(self):
        """Who comes in the middle of it sees everything after its own join, and nothing before."""
        clients = []
        for _ in range(20):
            newer = self.come(10)
            for client in [*clients, *newer]:
                client.send(b"a\nb\n")
            clients += newer
            self.observe(2 * len(clients))
        self.everybody_sees_it(clients)


class CrowdUnderPoll(Crowd):
    arguments = ("--reactor", "poll", "--flush-interval", "10ms")


if __name__ == "__main__":
    main()
