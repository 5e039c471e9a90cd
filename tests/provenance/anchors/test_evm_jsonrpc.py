"""Attack 50: a node that is away, hangs, drips, floods, or answers nonsense."""

import json
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler

import pytest

from provenance.anchors import jsonrpc
from provenance.anchors.chain import ChainUnavailableError, WrongChainError
from provenance.anchors.jsonrpc import HttpTransport, guarded

from .nodes import reply, server


def waits(release: threading.Event) -> None:
    release.wait(30)


def refused_with(url: str, timeout: float = 5.0) -> str:
    with pytest.raises(ChainUnavailableError) as caught:
        HttpTransport("ethereum", url, timeout).ask("eth_chainId", [])
    seen = caught.value
    while seen is not None:
        assert "pass-word" not in str(seen), "the URL may hold a password"
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return str(caught.value)


def test_a_good_answer() -> None:
    asked = []

    def handle(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        asked.append(json.loads(body))
        reply(handler, b'{"jsonrpc":"2.0","id":1,"result":"0x1"}')

    with server(handle) as url:
        answer = HttpTransport("ethereum", url, 5).ask("eth_chainId", ["a"])
    assert answer["result"] == "0x1"
    # https://www.jsonrpc.org/specification, request object
    assert asked == [{"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": ["a"]}]


def test_attack_50_nobody_answers() -> None:
    with server(lambda *_: None) as url:
        pass
    assert "no connection" in refused_with(url)


def test_attack_50_a_node_that_hangs() -> None:
    release = threading.Event()
    with server(lambda *_: waits(release)) as url:
        try:
            message = refused_with(url, timeout=0.3)
        finally:
            release.set()
    assert "no answer to eth_chainId in 0.3 s" in message or "no connection" in message


def test_attack_50_a_byte_at_a_time() -> None:
    """Each byte comes in time; the answer as a whole does not."""
    stop = threading.Event()

    def drip(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        handler.send_response(200)
        handler.send_header("content-length", "100000")
        handler.end_headers()
        while not stop.wait(0.02):
            handler.wfile.write(b" ")
            handler.wfile.flush()

    with server(drip) as url:
        try:
            message = refused_with(url, timeout=0.4)
        finally:
            stop.set()
    assert "no answer to eth_chainId" in message or "too slow" in message


def test_attack_50_a_flood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonrpc, "LARGEST_ANSWER", 1000)
    with server(lambda handler, _: reply(handler, b" " * 5000)) as url:
        assert "more than 1000 bytes" in refused_with(url)


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 200, "no JSON"),
        (b"<html>gateway</html>", 502, "no JSON (HTTP 502)"),
        (b"{", 200, "no JSON"),
        (b"[" * 100_000, 200, "no JSON"),
        (b'{"a":' * 100_000, 200, "no JSON"),
        (b'["\\"",' + b"[" * 100_000, 200, "no JSON"),
        (b"\xff\xfe\x00", 200, "no JSON"),
        (b"[]", 200, "no JSON-RPC"),
        (b"null", 200, "no JSON-RPC"),
        (b"{}", 200, "neither a result nor an error"),
        (b'{"error": "text"}', 200, "neither a result nor an error"),
        (b'{"error": "text", "result": 1}', 200, "neither a result nor an error"),
        (b'{"result": 1}', 500, "HTTP 500"),
        (b'{"result": 1}', 429, "asked too often"),
        (b'{"result": 1}', 302, "HTTP 302"),
    ],
)
def test_attack_50_nonsense(body: bytes, status: int, message: str) -> None:
    with server(lambda handler, _: reply(handler, body, status)) as url:
        assert message in refused_with(url)


def test_attack_50_deep_nesting_under_a_high_recursion_limit() -> None:
    """py-evm sets such a limit when it is imported; the parser then runs off the thread's stack.

    In a process of its own: where the depth is not looked at, that process dies of SIGSEGV.
    """
    script = """
import sys, threading
from provenance.anchors.jsonrpc import _read
sys.setrecursionlimit(1_000_000)
said = []
thread = threading.Thread(target=lambda: said.append(_read(b"[" * 1_000_000, 200)))
thread.start(); thread.join()
print(said[0])
"""
    end = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (end.returncode, end.stdout) == (0, "no JSON (HTTP 200)\n")


def test_brackets_in_texts_are_no_nesting() -> None:
    text = "[{" * 1000 + '\\"'
    body = json.dumps({"result": text}).encode()
    with server(lambda handler, _: reply(handler, body)) as url:
        assert HttpTransport("ethereum", url, 5).ask("eth_chainId", [])["result"] == text


def test_errors_that_come_with_status_400_are_read() -> None:
    body = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"nonce too low"}}'
    with server(lambda handler, _: reply(handler, body, 400)) as url:
        answer = HttpTransport("ethereum", url, 5).ask("eth_sendRawTransaction", [])
    assert answer["error"]["message"] == "nonce too low"


def test_a_redirect_is_not_followed() -> None:
    reached = []

    def redirect(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        handler.send_response(307)
        handler.send_header("location", elsewhere)
        handler.send_header("content-length", "0")
        handler.end_headers()

    def note(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        reached.append(body)
        reply(handler, b'{"result": 1}')

    with server(note) as elsewhere, server(redirect) as url:
        assert "HTTP 307" in refused_with(url)
    assert reached == []


def test_a_panic_is_an_unavailable_chain() -> None:
    """pyo3's PanicException is a BaseException and nothing more."""

    class PanicException(BaseException):
        pass

    with pytest.raises(ChainUnavailableError, match=r"solana.*PanicException"), guarded("solana"):
        raise PanicException("called `Option::unwrap()` on a `None` value")


def test_a_person_can_still_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt), guarded("solana"):
        raise KeyboardInterrupt


def test_our_own_refusals_pass() -> None:
    with pytest.raises(WrongChainError), guarded("solana"):
        raise WrongChainError("other chain")


def test_time_out_is_not_prolonged_by_the_thread_left_behind() -> None:
    threads = threading.active_count()
    release = threading.Event()
    with server(lambda *_: waits(release)) as url:
        try:
            refused_with(url, timeout=0.2)
        finally:
            release.set()
    for _ in range(200):
        if threading.active_count() <= threads:
            break
        time.sleep(0.05)
    assert threading.active_count() <= threads
