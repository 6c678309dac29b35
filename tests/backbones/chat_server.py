"""A real HTTP server on this machine that speaks the chat protocol, rightly or wrongly."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-very-secret-0123"


@dataclass(kw_only=True)
class Reply:
    """What to answer: a body under a status, slowly or not to the end."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    drip_seconds: float = 0.0  # between two bytes
    promised: int | None = None  # bytes told in the header, where other than sent


@dataclass(kw_only=True)
class ChatServer:
    """Where it listens, what it answers one after the other, and what it was asked."""

    base_url: str
    replies: list[Reply | Callable[[], Reply]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def says(self, *replies: Reply) -> None:
        self.replies[:] = replies

    def next_reply(self) -> Reply:
        """The last one again and again."""
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


def completion(content: Any, **choice: Any) -> Reply:
    """What a working server answers."""
    text = content if isinstance(content, str) else json.dumps(content)
    message = {"role": "assistant", "content": text, **choice.pop("message", {})}
    body = {
        "id": "chat-1",
        "object": "chat.completion",
        "created": 1,
        "model": "tiny",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message, **choice}],
    }
    return Reply(body=json.dumps(body).encode())


def failure(status: int, message: str = "no", **headers: str) -> Reply:
    """What a server answers that refuses."""
    body = json.dumps({"error": {"message": message, "type": "error"}}).encode()
    return Reply(
        body=body, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


@contextmanager
def chat_server() -> Iterator[ChatServer]:
    """Runs it in a thread."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    chat = ChatServer(base_url=f"http://127.0.0.1:{server.server_port}/v1")
    server.chat = chat  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield chat
    finally:
        chat.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        chat: ChatServer = self.server.chat  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        chat.requests.append({"path": self.path, **json.loads(body)})
        chat.authorizations.append(self.headers["Authorization"])
        reply = chat.next_reply()
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(reply.promised or len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self._send(chat, reply)

    def _send(self, chat: ChatServer, reply: Reply) -> None:
        try:
            if not reply.drip_seconds:
                self.wfile.write(reply.body)
                return
            for byte in reply.body:
                if chat.ended.wait(reply.drip_seconds):
                    return
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
        except OSError:
            return  # the client has hung up, as it should

    def log_message(self, *args: Any) -> None:
        """Nothing on the console."""
