"""TLS handshakes, beside those of openssl s_server."""

import subprocess

from harness import free_ports
from measures import running
from servers import Angarium, wait_port


def certificate(directory):
    key, chain = directory / "key.pem", directory / "chain.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", chain], check=True, capture_output=True)
    return chain, key


def handshakes_of_ours(kind, clients):
    def measure(bench, directory):
        chain, key = certificate(directory)
        port, = free_ports(1)
        with running(Angarium(directory / "server", tls_certificate=f"{chain} {key}", smtps_listen=f"127.0.0.1:{port}")):
            return bench.number("bench_tls", port, kind, 4, clients)
    return measure


def handshakes_of_openssl(kind, clients):
    def measure(bench, directory):
        chain, key = certificate(directory)
        port, = free_ports(1)
        with subprocess.Popen(["openssl", "s_server", "-quiet", "-accept", f"127.0.0.1:{port}", "-cert", chain, "-key", key], stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
            try:
                wait_port(port)
                return bench.number("bench_tls", port, kind, 4, clients)
            finally:
                server.kill()
    return measure
