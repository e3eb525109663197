"""The server's side of the interoperability cases on grpcio.

Usage: server.py [--port 0] [--cert FILE --key FILE] [--gzip]
Prints `listening PORT` and serves until its standard input ends, as it does with whoever started it.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

import grpc

from service import INITIAL_KEY, TRAILING_KEY, arguments, compression, messages, services, zeros

CODES = {code.value[0]: code for code in grpc.StatusCode}


class TestService(services.TestServiceServicer):
    """UnimplementedCall is left out: the base class answers for it."""

    def EmptyCall(self, request, context):
        return messages.Empty()

    def UnaryCall(self, request, context):
        echo_metadata(context)
        end_as_asked(request, context)
        return messages.SimpleResponse(payload=zeros(request.response_size))

    def StreamingOutputCall(self, request, context):
        yield from replies(request)

    def StreamingInputCall(self, requests, context):
        size = sum(len(request.payload.body) for request in requests)
        return messages.StreamingInputCallResponse(aggregated_payload_size=size)

    def FullDuplexCall(self, requests, context):
        echo_metadata(context)
        for request in requests:
            end_as_asked(request, context)
            yield from replies(request)


def replies(request):
    for wanted in request.response_parameters:
        time.sleep(wanted.interval_us / 1e6)
        yield messages.StreamingOutputCallResponse(payload=zeros(wanted.size))


def end_as_asked(request, context) -> None:
    """Ends the call, by an exception, with the status that its client asks for."""
    if request.HasField("response_status"):
        context.abort(CODES[request.response_status.code], request.response_status.message)


def echo_metadata(context) -> None:
    sent = context.invocation_metadata()
    context.send_initial_metadata([(key, value) for key, value in sent if key == INITIAL_KEY])
    context.set_trailing_metadata([(key, value) for key, value in sent if key == TRAILING_KEY])


def main() -> None:
    given = arguments("cert", "key")
    server = grpc.server(ThreadPoolExecutor(max_workers=8), compression=compression(given))
    services.add_TestServiceServicer_to_server(TestService(), server)
    address = f"127.0.0.1:{given.port}"
    if given.cert:
        port = server.add_secure_port(address, grpc.ssl_server_credentials([(given.key, given.cert)]))
    else:
        port = server.add_insecure_port(address)
    server.start()
    print(f"listening {port}", flush=True)
    sys.stdin.read()
    server.stop(grace=None)


if __name__ == "__main__":
    main()
