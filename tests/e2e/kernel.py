"""What the kernel holds for a connection, asked over netlink as `ss` does (sock_diag(7))."""

import os
import socket
import struct

SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST = 1
NLMSG_ERROR = 2
NETLINK_SOCK_DIAG = 4
ANY_STATE = 0xFFFFFFFF
NO_COOKIE = b"\xff" * 8


def queues(source, destination):
    """Bytes received but not read, and bytes written but not acknowledged, by a TCP socket over IPv4.

    It is found by its own address and its peer's. One that is gone holds nothing.
    """
    identity = struct.pack("!HH16s16s", source[1], destination[1], padded(source[0]), padded(destination[0]))
    identity += struct.pack("=I", 0) + NO_COOKIE
    body = struct.pack("=BBBBI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, ANY_STATE) + identity
    header = struct.pack("=IHHII", 16 + len(body), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 0, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as netlink:
        netlink.send(header + body)
        answer = netlink.recv(4096)
    if struct.unpack_from("=H", answer, 4)[0] == NLMSG_ERROR:
        error = -struct.unpack_from("=i", answer, 16)[0]
        if error == 2:  # ENOENT: no such connection
            return 0, 0
        raise OSError(error, "sock_diag")
    return struct.unpack_from("=II", answer, 16 + 4 + len(identity) + 4)


def keep_alive_timer(source, destination):
    """In how many seconds the kernel probes a TCP connection over IPv4 that is idle; None: it never does."""

    def end(address):
        host = int.from_bytes(socket.inet_aton(address[0]), "little")
        return f"{host:08X}:{address[1]:04X}"

    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in table:
            fields = line.split()
            if fields[1:3] == [end(source), end(destination)]:
                timer, left = fields[5].split(":")
                return int(left, 16) / 100 if timer == "02" else None
    raise AssertionError("there is no such connection")


def listening_port(pid):
    """The TCP port that a process listens at, None while it does not; of several, one."""
    folder = f"/proc/{pid}/fd"
    try:
        open_now = {os.readlink(f"{folder}/{number}") for number in os.listdir(folder)}
    except FileNotFoundError:  # one was closed meanwhile
        return None
    for table in ("tcp", "tcp6"):
        with open(f"/proc/net/{table}", encoding="ascii") as lines:
            for fields in map(str.split, lines):
                if fields[3] == "0A" and f"socket:[{fields[9]}]" in open_now:
                    return int(fields[1].rpartition(":")[2], 16)
    return None


def padded(host):
    return socket.inet_aton(host).ljust(16, b"\0")
