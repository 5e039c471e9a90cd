"""JSON-RPC over HTTP, as if the other side wished us ill: bounded in time and size, never trusted.

A node may hang, answer a byte a minute, send gigabytes, HTML or nonsense. All of that becomes
ChainUnavailableError here. What a well-formed answer says is judged by the chain's adapter.
Specification: https://www.jsonrpc.org/specification
"""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import urlsplit

import orjson

from provenance.anchors.chain import ChainError, ChainUnavailableError

LARGEST_ANSWER = 8 << 20

Answer = dict[str, Any]


class Transport(Protocol):
    """Carries a request to a node and brings the whole answer back: `result` or `error`."""

    def ask(self, method: str, params: Sequence[Any]) -> Answer:
        """One request.

        Raises:
            ChainUnavailableError: no answer in time, or none in JSON-RPC.
        """


@contextmanager
def guarded(where: str) -> Iterator[None]:
    """Turn whatever a library makes of a strange answer into ChainUnavailableError.

    BaseException: a panic in a library written in Rust (solders) is no Exception.
    """
    try:
        yield
    except (ChainError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        first = (str(error).splitlines() or [""])[0][:160]
        raise ChainUnavailableError(
            f"{where}: no sensible answer ({type(error).__name__}: {first})"
        ) from error


class HttpTransport:
    """A node at a URL.

    Args:
        name: of the chain, for messages. The URL never appears in one: it may hold a password.
        url: http or https.
        timeout: seconds for one request, from look-up of the host to the last byte.
    """

    def __init__(self, name: str, url: str, timeout: float) -> None:
        self._url = url
        self._timeout = timeout
        self._where = f"{name} (node at {urlsplit(url).hostname})"

    def ask(self, method: str, params: Sequence[Any]) -> Answer:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answers: list[Answer | str] = []
        # `requests` bounds each wait for bytes, not the whole: a thread can be left behind.
        deadline = time.monotonic() + self._timeout
        thread = threading.Thread(
            target=lambda: answers.append(self._post(request, deadline)), daemon=True
        )
        thread.start()
        thread.join(self._timeout)
        if not answers:
            raise self._unavailable(f"no answer to {method} in {self._timeout:g} s")
        answer = answers[0]
        if isinstance(answer, str):
            raise self._unavailable(f"{method}: {answer}")
        return answer

    def _unavailable(self, what: str) -> ChainUnavailableError:
        return ChainUnavailableError(f"{self._where}: {what}")

    def _post(self, request: Answer, deadline: float) -> Answer | str:
        """The answer, or what was wrong with it."""
        import requests

        try:
            with requests.post(
                self._url,
                json=request,
                timeout=self._timeout,
                stream=True,
                allow_redirects=False,
            ) as response:
                if response.status_code == 429:
                    return "asked too often (HTTP 429)"
                body = bytearray()
                for piece in response.iter_content(1 << 16):
                    body += piece
                    if len(body) > LARGEST_ANSWER:
                        return f"more than {LARGEST_ANSWER} bytes"
                    if time.monotonic() > deadline:
                        return "too slow"
        except Exception as error:  # its text holds the URL; its name is enough
            return f"no connection ({type(error).__name__})"
        return _read(bytes(body), response.status_code)


def _read(body: bytes, status: int) -> Answer | str:
    try:
        # orjson bounds the depth. Python's own parser relies on the recursion limit, which py-evm
        # raises beyond what a thread's stack holds: 100 kB of brackets would end the process.
        answer = orjson.loads(body)
    except ValueError:
        return f"no JSON (HTTP {status})"
    if not isinstance(answer, dict):
        return f"no JSON-RPC (HTTP {status})"
    if isinstance(answer.get("error"), dict):
        return answer  # some nodes send their errors with status 400 or 500
    if status != 200:
        return f"HTTP {status}"
    if "result" not in answer or answer.get("error") is not None:
        return "neither a result nor an error"
    return answer
