"""parleyd's configuration file: what is taken from it, and how mistakes in it are told."""

import os
import re
import stat

from parley_e2e import GREETING, Test, main
from programs import LOCAL_URL

SAMPLE = os.path.join(os.path.dirname(__file__), "../../chat/config/parleyd.toml")
LISTENER = '[[listener]]\naddress = "127.0.0.1"\nport = 0\n'


class Accepted(Test):
    def start(self, text, **more):
        return self.parleyd(listen=(), config=text, **more)

    def test_a_listener(self):
        server = self.start(LISTENER)
        reader, sender = self.join_many(server, 2)
        self.fence(sender, reader)

    def test_several_listeners(self):
        path = self.folder() + "/chat.sock"
        server = self.start(LISTENER + LISTENER + f'[[listener]]\nprotocol = "line"\naddress = "unix:{path}"\n', listeners=3)
        first = self.connect(("127.0.0.1", server.ports[0]))
        first.expect(GREETING)
        second = self.connect(("127.0.0.1", server.ports[1]))
        second.expect(GREETING)
        first.expect(second.joined())
        third = self.connect(path)
        third.expect(GREETING)
        self.assertRegex(first.take_until(b"\r\n"), rb"^Client joined \[local:\d+\]\r\n$")

    def test_an_empty_file_changes_nothing(self):
        self.join(self.parleyd(config=""))
        self.join(self.parleyd(config="# nothing\n\n[server]\n[log]\n"))

    def test_the_length_of_a_line(self):
        server = self.start("[limits]\nline_chat_bytes = 100\n" + LISTENER)
        reader, sender = self.join_many(server, 2)
        self.say(sender, b"x" * 100 + b"\n", b"x" * 100, reader)
        sender.send(b"x" * 101 + b"\n")
        sender.expect(b"Line too long: 100 bytes at most\r\n")
        self.fence(sender, reader)

    def test_a_conversation_that_is_not_shown(self):
        server = self.start("[log]\nchat = false\n" + LISTENER)
        reader, sender = self.join_many(server, 2)
        self.fence(sender, reader)
        reader.close()
        sender.close()
        self.assertEqual(server.stop(), 0)
        server.stdout.wait_for(rb"\A\Z")

    def test_the_reactor_and_the_interval(self):
        server = self.start('[server]\nreactor = "poll"\nflush_interval = "10ms"\n' + LISTENER)
        reader, sender = self.join_many(server, 2)
        self.fence(sender, reader)

    def test_the_kernel_takes_less_with_a_send_buffer(self):
        """For one who does not read: twice the buffer and what its own side takes, in place of megabytes."""
        server = self.start('[limits]\nsend_buffer = "32KiB"\n' + LISTENER)
        reader, sender = self.join_many(server, 2)
        slow = self.join(server, reader, sender, receive_buffer=4096)
        self.fall_behind(sender, reader, slow, 300_000)
        self.assertLess(slow.in_kernel(), 100_000)

    def test_the_file_that_documents_every_key_is_accepted(self):
        """All of it, as an administrator begins; with a port that is free."""
        with open(SAMPLE, encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(text.count("port = 2626"), 1)
        self.join(self.start(text.replace("port = 2626", "port = 0")))

    def test_an_endpoint_string(self):
        path = self.folder() + "/chat.sock"
        server = self.start(f'[[listener]]\naddress = "unix:{path}:mode=600"\n')
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.connect(path).expect(GREETING)
        self.assertIn(path.encode(), server.started[0])

    def test_a_url_and_a_file(self):
        """What the command line says about listeners counts."""
        path = self.folder() + "/chat.sock"
        server = self.parleyd(listen=(LOCAL_URL.format(path),), config=LISTENER)
        self.assertIn(path.encode(), server.started[0])


class Mistakes(Test):
    def refused(self, text, line, *says):
        """Status 2, and one line on stderr with the file, the number of the line and these texts."""
        path = self.file(text)
        server = self.run_parleyd("--config", path)
        self.assertEqual(server.wait(), 2, server.stderr.text())
        message = server.stderr.text().decode()
        self.assertEqual(message.count("\n"), 1, f"not one line: {message}")
        self.assertNotIn("secret", message)
        self.assertRegex(message, rf"{re.escape(path)}(:| line |, line ){line}\b")
        for part in says:
            self.assertIn(part, message.replace(path, ""))
        self.assertEqual(server.stdout.text(), b"")

    def test_an_unknown_key_and_the_nearest_one(self):
        for text, line, wrong, nearest in (
            ("[server]\nreactr = \"poll\"\n", 2, "reactr", "reactor"),
            ("\n\n[limits]\n# a comment\nsendq_byte = 1\n", 5, "sendq_byte", "sendq_bytes"),
            ("[log]\nlevel = \"info\"\nchats = true\n", 3, "chats", "chat"),
            (LISTENER + "prot = 2626\n", 4, "prot", "port"),
            (LISTENER + LISTENER + "adress = \"::1\"\n", 7, "adress", "address"),
        ):
            with self.subTest(wrong=wrong):
                self.refused(text, line, wrong, nearest)

    def test_an_unknown_section(self):
        self.refused("[server]\n[sever]\nname = \"x\"\n", 2, "sever", "server")
        self.refused(LISTENER.replace("listener", "listner"), 1, "listner", "listener")

    def test_a_key_that_stands_in_another_section(self):
        self.refused("[server]\nport = 2626\n", 2, "port")
        self.refused("sendq_bytes = 1\n", 1, "sendq_bytes")

    def test_a_guard_that_there_is_not(self):
        """A server must never be more open than its file says, and a password belongs in no log."""
        for section, setting in (
            ("[server]\n", 'password = "secret"'),
            ("[server]\n", 'trusted_proxies = ["127.0.0.1"]'),
            (LISTENER, "proxy_protocol = true"),
            (LISTENER, 'origins = ["https://example.org"]'),
        ):
            with self.subTest(setting=setting):
                self.refused(section + setting + "\n", section.count("\n") + 1, setting.split()[0])
        self.refused('[[oper]]\npassword = "secret"\n', 1, "oper")
        self.refused('[accounts]\nregistration = "invite"\n', 1, "accounts")

    def test_half_of_a_guard(self):
        self.refused(LISTENER + 'tls_key = "key.pem"\n', 1, "listener.tls_key", "tls_cert")
        self.refused(LISTENER + 'client_ca = "ca.pem"\n', 1, "listener.client_ca", "tls_cert")

    def test_a_value_of_another_type(self):
        self.refused(LISTENER.replace("0\n", '"zero"\n'), 3, "port")
        self.refused("[log]\nchat = 1\n", 2, "chat")
        self.refused("[server]\nreactor = true\n", 2, "reactor")

    def test_a_value_that_makes_no_sense(self):
        self.refused(LISTENER.replace("port = 0", "port = 70000"), 3, "port")
        self.refused('[server]\nreactor = "kqueue"\n', 2, "reactor", "kqueue")
        self.refused('[server]\nflush_interval = "soon"\n', 2, "flush_interval", "soon")
        self.refused('[log]\nlevel = "loud"\n', 2, "level", "loud")

    def test_a_file_that_is_no_toml(self):
        self.refused("[server]\nname = \"x\nnetwork = \"y\"\n", 2)
        self.refused("[server]\n[server]\n", 2)


if __name__ == "__main__":
    main()
