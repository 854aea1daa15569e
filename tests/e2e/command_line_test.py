"""parleyd's command line: what it takes, and one clear line about what it does not."""

import os
import re
import socket
import subprocess

from parley_e2e import Test, main, program
from programs import LOCAL_URL

USAGE = 2
COULD_NOT_START = 1


class Mistakes(Test):
    def refused(self, status, *arguments, says):
        """It ends with that status, and one line on stderr that holds all of these texts."""
        server = self.run_parleyd(*arguments)
        self.assertEqual(server.wait(), status, server.stderr.text())
        message = server.stderr.text().decode()
        self.assertEqual(message.count("\n"), 1, f"not one line: {message}")
        for part in says:
            self.assertIn(part.lower(), message.lower())
        self.assertEqual(server.stdout.text(), b"")
        return message

    def test_an_unknown_option(self):
        for option in ("--bogus", "--Listen", "-x", "--quiett"):
            with self.subTest(option=option):
                self.refused(USAGE, option, says=[option])

    def test_an_option_without_its_value(self):
        for option in ("--listen", "--config", "--reactor", "--log-level", "--flush-interval"):
            with self.subTest(option=option):
                self.refused(USAGE, option, says=[option])

    def test_an_argument_that_belongs_to_nothing(self):
        self.refused(USAGE, "2626", says=["2626"])

    def test_an_unknown_reactor(self):
        self.refused(USAGE, "--reactor", "kqueue", says=["kqueue", "epoll", "poll", "select"])

    def test_an_unknown_level(self):
        self.refused(USAGE, "--log-level", "loud", says=["loud", "info"])

    def test_an_interval_that_is_none(self):
        for interval in ("soon", "10parsec", "-1ms", ""):
            with self.subTest(interval=interval):
                self.refused(USAGE, f"--flush-interval={interval}", says=["flush-interval", interval])

    def test_a_bad_url(self):
        urls = ("127.0.0.1:2626", "line:/", "line://", "line://127.0.0.1:70000", "line://127.0.0.1:port",
                "line://127.0.0.1:-1", "line://[::1:2626", "gopher://127.0.0.1:2626")  # fmt: skip
        for url in urls:
            with self.subTest(url=url):
                self.refused(USAGE, "--listen", url, says=[url, "line://127.0.0.1:2626"])

    def test_what_is_said_does_nothing_to_a_terminal(self):
        """An argument or a file may hold escapes: they do not reach stderr as such."""
        odd = "\x1b]0;title\x07\x9b31m\n\x7f"
        for arguments in (
            ["--listen", odd],
            [odd],
            ["--" + odd],
            ["--reactor", odd],
            ["--config", "/nonexistent/" + odd],
            ["--config", self.file('[server]\n"a\\u001b[1m" = 1\n')],
            ["--config", self.file('[server]\nreactor = "a\\u001b[1m\\u009b"\n')],
            ["--config", self.file('["a\\u001b[1m"]\nb = 1\n')],
            ["--config", self.file('[[listener]]\naddress = "a\\u001b[1m"\n')],
            ["--config", self.file('[server]\nreactor = "a\x1b[1m"\n')],
        ):
            with self.subTest(arguments=arguments):
                message = self.refused(USAGE, *arguments, says=[])
                self.assertNotRegex(message[:-1], "[\x00-\x1f\x7f-\x9f]")

    def test_one_bad_url_of_two(self):
        self.refused(USAGE, "--listen", "line://127.0.0.1:0", "--listen", "lime://127.0.0.1:0", says=["lime://"])

    def test_an_address_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            address = f"127.0.0.1:{other.getsockname()[1]}"
            self.refused(COULD_NOT_START, "--listen", f"line://{address}", says=[address, "Address already in use", "--listen"])

    def test_the_address_of_another_parleyd(self):
        address = f"127.0.0.1:{self.parleyd().port}"
        self.refused(COULD_NOT_START, "--listen", f"line://{address}", says=[address, "Address already in use", "--listen"])

    def test_one_listener_of_two_cannot_be_opened(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            address = f"127.0.0.1:{other.getsockname()[1]}"
            server = self.run_parleyd("--listen", "line://127.0.0.1:0", "--listen", f"line://{address}")
            self.assertEqual(server.wait(), COULD_NOT_START)
            server.stderr.wait_for(re.escape(address).encode() + rb".*in use")

    def test_an_address_of_another_machine(self):
        self.refused(COULD_NOT_START, "--listen", "line://192.0.2.1:2626", says=["192.0.2.1:2626", "assign"])

    def test_a_unix_socket_where_no_folder_is(self):
        path = os.path.join(self.folder(), "nowhere", "chat.sock")
        self.refused(COULD_NOT_START, "--listen", LOCAL_URL.format(path), says=[path, "No such file"])

    def test_a_unix_socket_with_too_long_a_path(self):
        path = os.path.join(self.folder(), "x" * 200)
        server = self.run_parleyd("--listen", LOCAL_URL.format(path))
        self.assertIn(server.wait(), (USAGE, COULD_NOT_START))
        self.assertIn(path.encode(), server.stderr.wait_for(rb".*\n")[0])

    def test_a_configuration_that_is_not_there(self):
        path = os.path.join(self.folder(), "missing.toml")
        self.refused(USAGE, "--config", path, says=[path, "No such file"])

    def test_a_configuration_that_is_a_folder(self):
        path = self.folder()
        self.refused(USAGE, "--config", path, says=[path])


class Right(Test):
    def test_every_option_at_once(self):
        config = "[log]\nlevel = \"debug\"\n"
        server = self.parleyd("--reactor", "poll", "--log-level", "error", "--flush-interval", "1ms", "--quiet", config=config)
        reader, sender = self.join_many(server, 2)
        self.fence(sender, reader)
        reader.close()
        sender.close()
        self.assertEqual(server.stop(), 0)
        server.stdout.wait_for(rb"\A\Z")
        self.assertEqual(server.stderr.text(), b"", "--log-level error says nothing of a quiet life")

    def test_the_reactor_is_the_one_that_was_asked_for(self):
        for reactor, epoll in (("auto", True), ("epoll", True), ("poll", False), ("select", False)):
            with self.subTest(reactor=reactor):
                server = self.parleyd("--reactor", reactor)
                kinds = [os.readlink(f"/proc/{server.pid}/fd/{number}") for number in server.descriptors()]
                self.assertEqual("anon_inode:[eventpoll]" in kinds, epoll, kinds)

    def test_help(self):
        server = self.run_parleyd("--help")
        self.assertEqual(server.wait(), 0)
        for option in (b"--config", b"--listen", b"--reactor", b"--log-level", b"--flush-interval", b"--quiet"):
            server.stdout.wait_for(option)
        self.assertEqual(server.stderr.text(), b"")

    def test_help_before_anything_is_installed_or_built(self):
        """script/server's own, with bash alone: it names the options that parleyd has."""
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../script/server")
        told = subprocess.run(["/bin/bash", script, "--quiet", "--help"], env={"PATH": self.folder()}, capture_output=True, check=False)
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertEqual(told.stderr, b"")
        options = re.compile(rb"--[a-z][a-z-]+")
        built = subprocess.run([program("PARLEYD"), "--help"], capture_output=True, check=True).stdout
        self.assertEqual(set(options.findall(built)) - set(options.findall(told.stdout)), set())

    def test_help_that_cannot_be_written(self):
        with open("/dev/full", "wb") as full:
            told = subprocess.run([program("PARLEYD"), "--help"], stdout=full, stderr=subprocess.PIPE, check=False)
        self.assertEqual(told.returncode, COULD_NOT_START)
        self.assertIn(b"stdout", told.stderr)

    def test_without_arguments_it_listens_where_the_readme_says(self):
        """The port may be somebody's: then it says so."""
        server = self.run_parleyd()
        try:
            server.stdout.wait_for(rb"\AChatServer started on port 2626\n")
        except AssertionError:
            server.stderr.wait_for(rb"127\.0\.0\.1:2626: Address already in use")

    def test_it_raises_its_limit_of_descriptors(self):
        server = self.parleyd(descriptors=(64, 512))
        self.join(server)
        with open(f"/proc/{server.pid}/limits", encoding="ascii") as file:
            self.assertRegex(file.read(), r"Max open files +512 +512 ")


if __name__ == "__main__":
    main()
