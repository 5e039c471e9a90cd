"""Nodes that tests are served by: scripted ones, lying ones, and loopback servers."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from provenance.anchors.chain import Claim
from provenance.anchors.contract import load
from provenance.anchors.jsonrpc import Answer, Transport

CLAIM = Claim(bytes(range(32)), 42, bytes(range(200, 232)))
SECRET = bytes([7]) * 32
OTHER_SECRET = bytes([8]) * 32


class Scripted:
    """Answers by method: a value is a result, {"error": ...} an error, a function is called."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[tuple[str, list[Any]]] = []

    def ask(self, method: str, params: Sequence[Any]) -> Answer:
        self.asked.append((method, list(params)))
        answer = self.answers.get(method)
        if callable(answer):
            answer = answer(*params)
        if isinstance(answer, dict) and set(answer) == {"error"}:
            return {"jsonrpc": "2.0", "id": 1, **answer}
        return {"jsonrpc": "2.0", "id": 1, "result": answer}

    def sent(self) -> str:
        """The raw transaction that was handed over last."""
        raws = [params[0] for method, params in self.asked if method == "eth_sendRawTransaction"]
        return str(raws[-1])


def evm_node(**changes: Any) -> Scripted:
    """A node of Ethereum (chain 1) after London that takes everything."""
    block: dict[str, Any] = {
        "number": "0x10",
        "hash": "0x" + "11" * 32,
        "baseFeePerGas": hex(10**9),
        "timestamp": "0x1",
        "transactions": [],
    }
    answers: dict[str, Any] = {
        "eth_chainId": "0x1",
        "eth_getTransactionCount": "0x5",
        "eth_getBlockByNumber": block,
        "eth_maxPriorityFeePerGas": hex(10**8),
        "eth_gasPrice": hex(2 * 10**9),
        "eth_estimateGas": hex(24_000),
        "eth_getCode": "0x" + (load().runtime + bytes(32)).hex(),
        "eth_sendRawTransaction": "0x" + "22" * 32,
    }
    return Scripted(**answers | changes)


class Lying:
    """Passes on what an honest node says, with some of its answers changed on the way."""

    def __init__(self, honest: Transport, lie: Callable[[str, Any], Any]) -> None:
        self._honest = honest
        self._lie = lie

    def ask(self, method: str, params: Sequence[Any]) -> Answer:
        answer = self._honest.ask(method, params)
        if "result" in answer:
            return answer | {"result": self._lie(method, answer["result"])}
        return answer


@contextmanager
def server(handle: Callable[[BaseHTTPRequestHandler, bytes], None]) -> Iterator[str]:
    """A loopback HTTP server; its URL, with a password that must not show up anywhere."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            with suppress(BrokenPipeError, ConnectionResetError):
                handle(self, self.rfile.read(int(self.headers["content-length"])))

        def log_message(self, *parts: Any) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}/v2/pass-word-in-url"
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


def reply(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200) -> None:
    handler.send_response(status)
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def in_front_of(transport: Transport) -> Iterator[str]:
    """A loopback JSON-RPC server that passes requests to a transport."""
    lock = threading.Lock()

    def handle(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        request = json.loads(body)
        with lock:
            answer = transport.ask(request["method"], request["params"])
        reply(handler, json.dumps({"jsonrpc": "2.0", "id": request["id"], **answer}).encode())

    with server(handle) as url:
        yield url
