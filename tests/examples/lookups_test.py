"""Look-ups: what the example tells is what Python's socket module knows."""

import socket

from examples import Test, main


class Lookups(Test):
    def test_it_tells_what_python_knows(self):
        status, out, error = self.run_example("lookups", "127.0.0.1", "http")
        self.assertEqual((status, error), (0, b""))
        lines = out.decode().splitlines()
        self.assertEqual(lines[0], f"This machine: {socket.gethostname()}, in full {socket.getfqdn()}")
        interfaces = {line for line in lines if line.startswith("Interface ")}
        self.assertEqual(interfaces, {f"Interface {index}: {name}" for index, name in socket.if_nameindex()})
        self.assertIn(f"Port of http: {socket.getservbyname('http')}", lines)
        name = socket.gethostbyaddr("127.0.0.1")[0]
        self.assertEqual(lines[-1], f"127.0.0.1: 127.0.0.1:80, whose name is {name}")

    def test_each_address_of_a_name(self):
        _, out, _ = self.run_example("lookups", "localhost", "smtp")
        told = {line.split(",")[0] for line in out.decode().splitlines() if line.startswith("localhost: ")}
        known = {where[:2] for *_, where in socket.getaddrinfo("localhost", "smtp", type=socket.SOCK_STREAM)}
        shown = {f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in known}
        self.assertEqual(told, {f"localhost: {address}" for address in shown})

    def test_what_is_not_known(self):
        status, _, error = self.run_example("lookups", "localhost", "no-such-service")
        self.assertEqual(status, 2)
        self.assertRegex(error, rb"^getservbyname no-such-service: .* \(it is not in /etc/services\)\n$")
        status, _, error = self.run_example("lookups", "x" * 300)  # longer than a name may be: no server is asked
        self.assertEqual(status, 2)
        self.assertRegex(error, rb"^getaddrinfo x{300}:http: ")


if __name__ == "__main__":
    main()
