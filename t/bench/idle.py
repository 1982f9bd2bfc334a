"""Memory of sessions that say nothing."""

import socket
import ssl

from handshakes import certificate
from harness import DOMAIN, PASSWORD, free_ports
from measures import running
from reading import filled
from servers import CHEAP, Angarium, memory


def idle_pop3(kind, sessions):
    """KiB of a session that is logged in."""
    def measure(bench, directory):
        with filled(kind, directory, [f"user{index}" for index in range(sessions)], 0, CHEAP) as server:
            before = memory(server.pids())
            with bench.start("bench_pop3", server.pop3_port, f"user%@{DOMAIN}", PASSWORD, "idle", sessions) as client:
                client.stdout.readline()
                after = memory(server.pids())
                client.stdin.close()
            return (after - before) / sessions / 1024
    return measure


def idle_greeted(port_name, sessions, tls=False):
    """KiB of a session of ours that has been greeted and says nothing; with TLS after the handshake."""
    def measure(_, directory):
        options = {"smtp_sessions": 20000, "pop3_sessions": 20000, "pop3_login_timeout": "1h"}
        port = None
        if tls:
            port, = free_ports(1)
            chain, key = certificate(directory)
            options.update({"tls_certificate": f"{chain} {key}", f"{port_name}s_listen": f"127.0.0.1:{port}"})
        with running(Angarium(directory / "server", **options)) as server:
            port = port or getattr(server, f"{port_name}_port")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            before = memory(server.pids())
            clients = []
            for _ in range(sessions):
                client = socket.create_connection(("127.0.0.1", port), timeout=30)
                clients.append(context.wrap_socket(client) if tls else client)
            for client in clients:
                client.recv(1000)
            after = memory(server.pids())
            for client in clients:
                client.close()
            return (after - before) / sessions / 1024
    return measure
