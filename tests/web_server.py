"""A web server for files that behaves as a test asks: with ranges or without, breaking off, changing, compressing."""

from __future__ import annotations

import hashlib
import http.server
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

_FROM = re.compile(r"^bytes=(\d+)-$")


@dataclass
class WebSite:
    """What the server has, and how it is to answer. `asked` is every request: method, path, Range."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)  # one for each GET of a body: close after so many bytes of it
    always_cut: int = 0
    cutting: Callable[[], object] | None = None  # called before it closes
    held: threading.Event | None = None  # instead of closing then, wait for it and send nothing
    status: dict[str, int] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    get_headers: dict[str, str] = field(default_factory=dict)
    get_only: bool = False
    chunked: bool = False
    with_version: bool = True
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    given: list[dict[str, str]] = field(default_factory=list)

    def gets(self) -> list[str]:
        """The Range of every GET."""
        return [part for method, _, part in self.asked if method == "GET"]


@contextmanager
def web_site() -> Iterator[WebSite]:
    site = WebSite()

    class Handler(_Handler):
        pass

    Handler.site = site
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    site: WebSite
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        return

    def do_HEAD(self) -> None:
        if self.site.get_only:
            self._note()
            self.send_error(405)
        else:
            self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _note(self) -> None:
        self.site.asked.append((self.command, self.path, self.headers.get("Range", "")))
        self.site.given.append(dict(self.headers))

    def _answer(self, *, body: bool) -> None:
        site, path = self.site, self.path
        self._note()
        content = site.files.get(path)
        if path in site.redirects:
            return self._empty(302, {"Location": site.redirects[path]})
        if path in site.status:
            return self._empty(site.status[path], {})
        if content is None:
            return self._empty(404, {})
        part = _FROM.match(self.headers.get("Range", "")) if site.ranges else None
        start = int(part[1]) if part else 0
        headers = self._headers(content, start, partly=part is not None)
        self.send_response(206 if part else 200)
        for name, value in {**headers, **site.headers, **(site.get_headers if body else {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self._send(content[start:])
        return None

    def _headers(self, content: bytes, start: int, *, partly: bool) -> dict[str, str]:
        headers = {"Content-Type": "text/csv"}
        if self.site.with_version:
            headers["ETag"] = f'"{hashlib.sha1(content).hexdigest()}"'
        if self.site.chunked and self.command == "GET":
            headers["Transfer-Encoding"] = "chunked"
        else:
            headers["Content-Length"] = str(len(content) - start)
        if partly:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return headers

    def _send(self, content: bytes) -> None:
        cuts = self.site.cuts
        cut = cuts.pop(0) if cuts else self.site.always_cut
        sent = content[:cut] if cut else content
        try:
            if not self.site.chunked:
                self.wfile.write(sent)
            else:
                for at in range(0, len(sent), 50_000):
                    piece = sent[at : at + 50_000]
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.write(b"" if cut else b"0\r\n\r\n")
        except OSError:
            self.close_connection = True
        if cut:
            self.close_connection = True
            if self.site.cutting is not None:
                self.site.cutting()
            if self.site.held is not None:
                self.site.held.wait()

    def _empty(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()
