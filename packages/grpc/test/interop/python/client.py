"""The interoperability cases as a client on grpcio, against a server in any language.

Usage: client.py --port PORT [--ca FILE] [--gzip]
Prints a line per case, `ok NAME` or `failed NAME: REASON`; the exit code is the number of cases that failed.
Sizes and expectations: grpc/grpc, doc/interop-test-descriptions.md.
"""

import sys
from queue import SimpleQueue

import grpc

from service import INITIAL_KEY, TRAILING_KEY, arguments, compression, messages, services, zeros

REQUEST_SIZES = [27182, 8, 1828, 45904]
REPLY_SIZES = [31415, 9, 2653, 58979]
LARGE_REQUEST, LARGE_REPLY = 271828, 314159
SPECIAL_MESSAGE = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
METADATA = ((INITIAL_KEY, "test_initial_metadata_value"), (TRAILING_KEY, b"\xab\xab\xab"))
# A case that never ends fails here, and not at the patience of whoever waits for this program.
PATIENCE_S = 15


class Requests:
    """What a streaming call sends, as it is put in."""

    def __init__(self):
        self._queue = SimpleQueue()

    def put(self, request) -> None:
        self._queue.put(request)

    def end(self) -> None:
        self._queue.put(None)

    def __iter__(self):
        return iter(self._queue.get, None)


def expect(what: str, found, expected) -> None:
    if found != expected:
        raise AssertionError(f"{what} is {found!r}, not {expected!r}")


def expect_zeros(payload, size: int) -> None:
    expect("size of the payload", len(payload.body), size)
    expect("the payload without its zeros", payload.body.strip(b"\0"), b"")


def expect_status(call, code: grpc.StatusCode, details: str | None = None) -> None:
    expect("status", call.code(), code)
    if details is not None:
        expect("message of the status", call.details(), details)


def expect_end(call) -> None:
    expect("replies that are left", list(call), [])
    expect_status(call, grpc.StatusCode.OK)


def error_of(make_call) -> grpc.RpcError:
    try:
        make_call()
    except grpc.RpcError as error:
        return error
    raise AssertionError("the call succeeded")


def output_request(reply_size: int, request_size: int):
    wanted = [messages.ResponseParameters(size=reply_size)]
    return messages.StreamingOutputCallRequest(response_parameters=wanted, payload=zeros(request_size))


def large_request():
    return messages.SimpleRequest(response_size=LARGE_REPLY, payload=zeros(LARGE_REQUEST))


def empty_unary(stub, _other) -> None:
    expect("reply", stub.EmptyCall(messages.Empty(), timeout=PATIENCE_S), messages.Empty())


def large_unary(stub, _other) -> None:
    expect_zeros(stub.UnaryCall(large_request(), timeout=PATIENCE_S).payload, LARGE_REPLY)


def client_streaming(stub, _other) -> None:
    requests = (messages.StreamingInputCallRequest(payload=zeros(size)) for size in REQUEST_SIZES)
    reply = stub.StreamingInputCall(requests, timeout=PATIENCE_S)
    expect("sum of the sizes", reply.aggregated_payload_size, sum(REQUEST_SIZES))


def server_streaming(stub, _other) -> None:
    wanted = [messages.ResponseParameters(size=size) for size in REPLY_SIZES]
    request = messages.StreamingOutputCallRequest(response_parameters=wanted)
    call = stub.StreamingOutputCall(request, timeout=PATIENCE_S)
    for size in REPLY_SIZES:
        expect_zeros(next(call).payload, size)
    expect_end(call)


def ping_pong(stub, _other) -> None:
    requests = Requests()
    call = stub.FullDuplexCall(iter(requests), timeout=PATIENCE_S)
    for reply_size, request_size in zip(REPLY_SIZES, REQUEST_SIZES):
        requests.put(output_request(reply_size, request_size))
        expect_zeros(next(call).payload, reply_size)
    requests.end()
    expect_end(call)


def empty_stream(stub, _other) -> None:
    expect_end(stub.FullDuplexCall(iter(()), timeout=PATIENCE_S))


def cancel_after_begin(stub, _other) -> None:
    requests = Requests()
    call = stub.StreamingInputCall.future(iter(requests), timeout=PATIENCE_S)
    call.cancel()
    requests.end()
    expect_status(call, grpc.StatusCode.CANCELLED)


def cancel_after_first_response(stub, _other) -> None:
    requests = Requests()
    call = stub.FullDuplexCall(iter(requests), timeout=PATIENCE_S)
    requests.put(output_request(REPLY_SIZES[0], REQUEST_SIZES[0]))
    expect_zeros(next(call).payload, REPLY_SIZES[0])
    call.cancel()
    requests.end()
    expect_status(call, grpc.StatusCode.CANCELLED)


def timeout_on_sleeping_server(stub, _other) -> None:
    requests = Requests()
    call = stub.FullDuplexCall(iter(requests), timeout=0.001)
    requests.put(messages.StreamingOutputCallRequest(payload=zeros(27182)))
    error = error_of(lambda: next(call))
    requests.end()
    expect_status(error, grpc.StatusCode.DEADLINE_EXCEEDED)


def custom_metadata(stub, _other) -> None:
    _reply, unary = stub.UnaryCall.with_call(large_request(), metadata=METADATA, timeout=PATIENCE_S)
    expect_echo(unary)
    request = output_request(LARGE_REPLY, LARGE_REQUEST)
    duplex = stub.FullDuplexCall(iter([request]), metadata=METADATA, timeout=PATIENCE_S)
    expect_zeros(next(duplex).payload, LARGE_REPLY)
    expect_end(duplex)
    expect_echo(duplex)


def expect_echo(call) -> None:
    (initial_key, initial), (trailing_key, trailing) = METADATA
    expect("metadata of the header", dict(call.initial_metadata()).get(initial_key), initial)
    expect("metadata of the trailers", dict(call.trailing_metadata()).get(trailing_key), trailing)


def status_code_and_message(stub, _other) -> None:
    status = messages.EchoStatus(code=2, message="test status message")
    expect_unary_status(stub, status)
    request = messages.StreamingOutputCallRequest(response_status=status)
    call = stub.FullDuplexCall(iter([request]), timeout=PATIENCE_S)
    expect_status(error_of(lambda: next(call)), grpc.StatusCode.UNKNOWN, status.message)


def special_status_message(stub, _other) -> None:
    expect_unary_status(stub, messages.EchoStatus(code=2, message=SPECIAL_MESSAGE))


def expect_unary_status(stub, status) -> None:
    request = messages.SimpleRequest(response_status=status)
    error = error_of(lambda: stub.UnaryCall(request, timeout=PATIENCE_S))
    expect_status(error, grpc.StatusCode.UNKNOWN, status.message)


def unimplemented_method(stub, _other) -> None:
    error = error_of(lambda: stub.UnimplementedCall(messages.Empty(), timeout=PATIENCE_S))
    expect_status(error, grpc.StatusCode.UNIMPLEMENTED)


def unimplemented_service(_stub, other) -> None:
    error = error_of(lambda: other.UnimplementedCall(messages.Empty(), timeout=PATIENCE_S))
    expect_status(error, grpc.StatusCode.UNIMPLEMENTED)


CASES = [
    empty_unary,
    large_unary,
    client_streaming,
    server_streaming,
    ping_pong,
    empty_stream,
    cancel_after_begin,
    cancel_after_first_response,
    timeout_on_sleeping_server,
    custom_metadata,
    status_code_and_message,
    special_status_message,
    unimplemented_method,
    unimplemented_service,
]


def outcome(case, *stubs) -> str:
    try:
        case(*stubs)
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        return f"failed {case.__name__}: {reason}"
    return f"ok {case.__name__}"


def main() -> int:
    given = arguments("ca")
    address = f"127.0.0.1:{given.port}"
    if given.ca:
        channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(given.ca), compression=compression(given))
    else:
        channel = grpc.insecure_channel(address, compression=compression(given))
    with channel:
        stubs = (services.TestServiceStub(channel), services.UnimplementedServiceStub(channel))
        outcomes = [outcome(case, *stubs) for case in CASES]
    print("\n".join(outcomes))
    return sum(not line.startswith("ok") for line in outcomes)


if __name__ == "__main__":
    sys.exit(main())
