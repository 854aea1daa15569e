"""parleyd over TLS: with Python's ssl, with openssl and with gnutls-cli."""

import os
import re
import shutil
import signal
import ssl

from certificates import Authority
from parley_e2e import GREETING, Test, main, needs
from talkers import Client, pump, until_end

GOODBYE = b"Server is shutting down\r\n"
REFUSED = b"Too many connections from your address, try again later\r\n"
URL = "line+tls://127.0.0.1:0"
STAYS = rb"error: SIGHUP: the certificate stays as it was: "


class TlsClient(Client):
    """A scripted client that speaks TLS. An end without close_notify is an error."""

    def __init__(self, where, context):
        super().__init__(where)
        self.socket.setblocking(True)
        try:
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost", suppress_ragged_eofs=False)
        except OSError:
            self.socket.close()
            raise
        self.socket.setblocking(False)

    def receive(self):
        try:
            while data := self.socket.recv(1 << 18):  # all: the selector does not know what was decrypted already
                self.seen += data
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except OSError as error:
            self.error = error
            self.ended = True

    def transmit(self, data):
        try:
            return self.socket.send(data)
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return 0

    def serial(self):
        return self.socket.getpeercert()["serialNumber"]


class TlsTest(Test):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.folder())
        self.cert, self.key = self.authority.issue("server")

    def files(self, **more):
        """The keys of a listener in the file."""
        return "".join(f'{key} = "{value}"\n' for key, value in {"tls_cert": self.cert, "tls_key": self.key, **more}.items())

    def tls_parleyd(self, *arguments, listen=(URL,), **more):
        return self.parleyd("--tls-cert", self.cert, "--tls-key", self.key, *arguments, listen=listen, **more)

    def context(self):
        return ssl.create_default_context(cafile=self.authority.certificate)

    def connect_tls(self, server, port=None, context=None):
        client = TlsClient(("127.0.0.1", port or server.port), context or self.context())
        self.addCleanup(client.close)
        return client

    def join_tls(self, server, *others, **more):
        client = self.connect_tls(server, **more)
        client.expect(GREETING)
        for other in others:
            other.expect(client.joined())
        return client

    def guest(self, reader):
        """The address of the one who just came."""
        return reader.take_until(b"\r\n").removeprefix(b"Client joined ").removesuffix(b"\r\n")

    def talk(self, server, reader, megan):
        megan.take_until(GREETING)
        name = self.guest(reader)
        megan.send(b"hello\n")
        reader.expect(b"[%s] hello\r\n" % name)
        reader.send(b"good day\n")
        megan.take_until(reader.says(b"good day"))
        server.signal(signal.SIGTERM)
        megan.take_until(GOODBYE)


@needs("openssl")
class Tls(TlsTest):
    def test_two_people_chat(self):
        server = self.tls_parleyd()
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = self.context()
            context.minimum_version = context.maximum_version = version
            ann = self.join_tls(server, context=context)
            bob = self.join_tls(server, ann)
            self.say(ann, b"good day\r\n", b"good day", bob)
            self.say(bob, b"x" * 4000 + b"\n", b"x" * 4000, ann)
            bob.close()
            ann.expect(bob.left())
            ann.close()
        server.stdout.wait_for(rb"\] good day\r\n")

    def test_what_many_lines_become_comes_whole(self):
        server = self.tls_parleyd("--quiet")
        reader = self.join_tls(server)
        sender = self.join_tls(server, reader)
        lines = [b"line %d" % number for number in range(20000)]
        sender.send(b"\n".join(lines) + b"\n")
        reader.expect(*map(sender.says, lines))

    def test_the_end_is_said_in_order(self):
        server = self.tls_parleyd()
        client = self.join_tls(server)
        server.signal(signal.SIGTERM)
        client.expect_end(GOODBYE)

    def test_plain_and_tls_in_one_room(self):
        server = self.parleyd(
            listen=(), listeners=2,
            config='[[listener]]\nport = 0\n[[listener]]\naddress = "127.0.0.1"\nport = 0\n' + self.files(),
        )  # fmt: skip
        in_clear = self.join(server)
        over_tls = self.join_tls(server, in_clear, port=server.ports[1])
        self.say(in_clear, b"hello\r\n", b"hello", over_tls)
        self.say(over_tls, b"hello\r\n", b"hello", in_clear)

    def test_over_a_unix_socket(self):
        path = self.folder() + "/chat.sock"
        self.parleyd(listen=(), config=f'[[listener]]\naddress = "unix:{path}"\n' + self.files())
        client = TlsClient(path, self.context())
        self.addCleanup(client.close)
        client.expect(GREETING)

    def test_an_endpoint_says_all(self):
        server = self.parleyd(listen=(f"line+tls:0:interface=127.0.0.1:cert={self.cert}:key={self.key}",))
        self.join_tls(server)

    def test_who_speaks_in_clear_gets_an_end_and_the_log_says_why(self):
        server = self.tls_parleyd("--log-level", "debug")
        reader = self.join_tls(server)
        lost = self.connect(self.where(server))
        lost.send(b"hello?\r\n")
        pump({lost: until_end})
        self.assertIsNone(lost.error)
        self.assertNotIn(b"Parley", lost.seen)
        server.stderr.wait_for(rb"debug: TLS handshake %s: the peer does not speak TLS .*hello" % lost.name.encode())
        self.fence(self.join_tls(server, reader), reader)

    def test_failed_handshakes_fill_no_log(self):
        server = self.tls_parleyd()
        for _ in range(5):
            lost = self.connect(self.where(server))
            lost.send(b"hello?\r\n")
            pump({lost: until_end})
        self.join_tls(server)
        self.assertEqual(server.stderr.text(), b"")

    def test_a_client_that_refuses_our_certificate(self):
        server = self.tls_parleyd("--log-level", "debug")
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.connect_tls(server, context=ssl.create_default_context(cafile=Authority(self.folder()).certificate))
        server.stderr.wait_for(rb"debug: TLS handshake 127\.0\.0\.1:\d+: refused by the peer: .*unknown")

    def test_who_leaves_without_a_word_does_not_fill_the_log(self):
        """As most programs do: without close_notify."""
        server = self.tls_parleyd()
        reader = self.join_tls(server)
        client = self.join_tls(server, reader)
        client.close()
        reader.expect(client.left())
        self.assertEqual(server.stderr.text(), b"")

    def test_a_client_certificate_is_asked_for(self):
        clients = Authority(self.folder())
        mine = clients.issue("client", "clientAuth")
        server = self.tls_parleyd("--client-ca", clients.certificate, "--log-level", "debug")
        context = self.context()
        context.load_cert_chain(*mine)
        reader = self.join_tls(server, context=context)
        for stranger in (None, self.authority.issue("stranger", "clientAuth")):
            other = self.context()
            if stranger:
                other.load_cert_chain(*stranger)
            with self.assertRaises((OSError, AssertionError)):  # in TLS 1.3 a client learns it when it reads
                self.connect_tls(server, context=other).expect(GREETING)
        server.stderr.wait_for(rb"debug: TLS handshake .*did not return a certificate\n")
        server.stderr.wait_for(rb"debug: TLS handshake .*certificate refused: .*\n")
        self.fence(self.join_tls(server, reader, context=context), reader)

    def test_a_renewed_certificate_is_for_those_who_come_then(self):
        server = self.tls_parleyd()
        reader = self.join_tls(server)
        self.authority.issue("server")
        server.signal(signal.SIGHUP)
        server.stderr.wait_for(rb"info: SIGHUP: %s is in force as it is now\n" % re.escape(self.cert.encode()))
        newcomer = self.join_tls(server, reader)
        self.assertNotEqual(newcomer.serial(), reader.serial())
        self.fence(newcomer, reader)
        self.fence(reader, newcomer)

    def test_a_file_that_is_broken_leaves_the_old_one(self):
        server = self.tls_parleyd()
        before = self.join_tls(server).serial()
        other, _ = self.authority.issue("other")
        shutil.copy(other, self.cert)  # whose key is another one
        server.signal(signal.SIGHUP)
        server.stderr.wait_for(STAYS + rb".*" + re.escape(self.cert.encode()) + rb".* is not that of the first certificate")
        os.unlink(self.key)
        server.signal(signal.SIGHUP)
        server.stderr.wait_for(STAYS + rb".*" + re.escape(self.key.encode()) + rb": No such file")
        self.assertEqual(self.join_tls(server).serial(), before)

    def test_a_mistake_in_the_configuration_does_not_hold_up_a_renewal(self):
        path = self.file('[[listener]]\naddress = "127.0.0.1"\nport = 0\n' + self.files())
        server = self.parleyd("--config", path, listen=())
        before = self.join_tls(server).serial()
        self.authority.issue("server")
        with open(path, "w", encoding="ascii") as file:
            file.write("mistake")
        server.signal(signal.SIGHUP)
        server.stderr.wait_for(rb"error: SIGHUP: the configuration stays as it was: (?s:.*) is in force as it is now\n")
        self.assertNotEqual(self.join_tls(server).serial(), before)

    def test_limits_of_an_address_hold(self):
        """Also for those who only connect, and never end their handshake."""
        server = self.tls_parleyd(config="[limits]\nexempt = []\nconnections_per_ip = 3\nconnect_rate = 0\n", listen=(URL, "line://127.0.0.1:0"), listeners=2)
        reader = self.join_tls(server)
        self.join_tls(server, reader)
        silent = self.connect(self.where(server))
        self.connect(self.where(server)).expect_end()
        self.connect(("127.0.0.1", server.ports[1])).expect_end(REFUSED)
        server.stderr.wait_for(rb"warning: refused 127\.0\.0\.1:\d+: it has 3 connections")
        silent.close()
        self.wait_until(lambda: self.is_welcome(server.ports[1]), "one has gone")

    def is_welcome(self, port):
        client = self.connect(("127.0.0.1", port))
        came = client.take_until(b"\r\n")
        client.close()
        return came == GREETING

    def test_who_floods_waits(self):
        server = self.tls_parleyd(config="[limits]\nexempt = []\nmessage_rate = 20\nmessage_burst = 10\n")
        reader = self.join_tls(server)
        flooder = self.join_tls(server, reader)
        lines = [b"line %d" % number for number in range(20)]
        flooder.send(b"\n".join(lines) + b"\n")
        reader.expect(*map(flooder.says, lines[:10]))
        reader.send(b"I may speak\n")
        flooder.expect(reader.says(b"I may speak"))
        reader.expect(*map(flooder.says, lines[10:]))

    def test_files_that_cannot_be_used_are_named_at_the_start(self):
        _, other = self.authority.issue("other")
        nowhere = self.folder() + "/nowhere.pem"
        garbage = self.file("no PEM", "garbage.pem")
        for arguments, said in (
            (("--tls-cert", nowhere), rf"{nowhere}: No such file or directory"),
            (("--tls-cert", self.cert, "--tls-key", nowhere), rf"{nowhere}: No such file or directory"),
            (("--tls-cert", garbage), rf"{garbage}: .*there is no certificate in PEM in it"),
            (("--tls-cert", self.cert), rf"{self.cert}: .*there is no key in PEM in it"),
            (("--tls-cert", self.cert, "--tls-key", other), rf"{self.cert}: .*the key in {other} is not that of the first certificate"),
            (("--tls-cert", self.cert, "--tls-key", self.key, "--client-ca", garbage), rf"load_client_ca {garbage}: "),
        ):
            with self.subTest(arguments=arguments):
                server = self.run_parleyd("--listen", URL, *arguments)
                self.assertEqual(server.wait(), 1)
                self.assertRegex(server.stderr.text().decode(), rf"\Aparleyd: TLS: .*{said}.*\n\Z")
                self.assertEqual(server.stdout.text(), b"")

    def test_openssl(self):
        server = self.tls_parleyd()
        reader = self.join_tls(server)
        megan = self.piped("sh", "-c", 'exec "$@" 2>/dev/null', "sh", "openssl", "s_client", "-quiet", "-verify_return_error",
                           "-verify_hostname", "localhost", "-CAfile", self.authority.certificate,
                           "-connect", f"127.0.0.1:{server.port}")  # fmt: skip
        self.talk(server, reader, megan)


@needs("openssl")
@needs("gnutls-cli")
class GnuTls(TlsTest):
    def test_gnutls(self):
        server = self.tls_parleyd()
        reader = self.join_tls(server)
        megan = self.piped("gnutls-cli", "--verify-hostname=localhost", f"--x509cafile={self.authority.certificate}",
                           f"--port={server.port}", "127.0.0.1")  # fmt: skip
        self.talk(server, reader, megan)


if __name__ == "__main__":
    main()
