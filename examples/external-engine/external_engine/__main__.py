"""The server: `python -m external_engine --help`."""

import argparse
import logging
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from external_engine.service import NAME, ClassificationEngine
from external_engine.stubs import classification_pb2_grpc

OPTIONS = [
    ("grpc.max_receive_message_length", 4 << 20),
    ("grpc.max_send_message_length", 4 << 20),
    # A port in use is an error.
    ("grpc.so_reuseport", 0),
    # Clients ping every 5 seconds, also during a call; by default gRPC treats this as abuse and closes
    # the connection.
    ("grpc.http2.max_ping_strikes", 0),
]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="external_engine", description=__doc__)
    add = parser.add_argument
    add("--listen", default="127.0.0.1:7412", help="host:port (port 0: a free one)")
    add("--tls-cert", type=Path, help="certificate chain (PEM); clients must then use https")
    add("--tls-key", type=Path, help="the certificate's private key (PEM)")
    add("--max-request-bytes", type=int, default=1 << 30, help="bytes of a request's table")
    add("--max-concurrent-requests", type=int, default=4, help="others are refused and retried")
    add("--grace-period", type=float, default=25, help="seconds for running requests to end")
    given = parser.parse_args()
    if (given.tls_cert is None) != (given.tls_key is None):
        parser.error("--tls-cert and --tls-key go together")
    return given


def main() -> None:
    given = arguments()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    # More threads than requests, so that health checks and refusals never wait.
    threads = ThreadPoolExecutor(given.max_concurrent_requests + 4)
    server = grpc.server(threads, options=OPTIONS, compression=grpc.Compression.NoCompression)
    engine = ClassificationEngine(given.max_request_bytes, given.max_concurrent_requests)
    classification_pb2_grpc.add_ClassificationEngineServicer_to_server(engine, server)
    checks = health.HealthServicer()
    for name in ("", NAME):
        checks.set(name, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)

    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        if given.tls_cert:
            identity = (given.tls_key.read_bytes(), given.tls_cert.read_bytes())
            port = server.add_secure_port(given.listen, grpc.ssl_server_credentials([identity]))
        else:
            port = server.add_insecure_port(given.listen)
    except (OSError, RuntimeError) as error:
        raise SystemExit(f"cannot listen on {given.listen}: {error}") from error
    server.start()
    print(f"listening on {given.listen.rpartition(':')[0]}:{port}", file=sys.stderr, flush=True)
    stop.wait()
    # Refuses new calls; running ones may end.
    checks.enter_graceful_shutdown()
    server.stop(given.grace_period).wait()


if __name__ == "__main__":
    main()
