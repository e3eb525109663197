"""The service of the interoperability cases for grpcio, made from the .proto file at run time: no generated code lies here."""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

import grpc

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "proto"))
messages, services = grpc.protos_and_services("interop.proto")

INITIAL_KEY = "x-grpc-test-echo-initial"
TRAILING_KEY = "x-grpc-test-echo-trailing-bin"


def zeros(size: int):
    return messages.Payload(body=bytes(size))


def arguments(*files: str) -> Namespace:
    """Reads what both roles are told, and the PEM files of one of them: absent means no TLS."""
    parser = ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--gzip", action="store_true")
    for file in files:
        parser.add_argument(f"--{file}", type=lambda path: Path(path).read_bytes())
    return parser.parse_args()


def compression(given: Namespace) -> grpc.Compression:
    return grpc.Compression.Gzip if given.gzip else grpc.Compression.NoCompression
