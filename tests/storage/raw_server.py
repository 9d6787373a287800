"""A web server on 127.0.0.1 that answers with the very bytes of a test, by HTTP or HTTPS."""

import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bertline.errors import StorageError
from bertline.storage import fetch

Answer = bytes | Callable[[], Iterator[bytes]]
Start = Callable[..., "RawServer"]
"""The fixture `start`."""


def ok(body: bytes, *headers: str) -> bytes:
    """A whole answer."""
    return answer("200 OK", f"Content-Length: {len(body)}", *headers, body=body)


def answer(status: str, *headers: str, body: bytes = b"") -> bytes:
    """An answer with these headers alone."""
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode() + body


class RawServer:
    """Gives each connection the next of `answers`, the last one again and again.

    An answer that is a function is sent piece by piece until the client has gone. requests: the
    heads of all requests.
    """

    def __init__(self, answers: Sequence[Answer], tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[str] = []
        self._answers, self._tls = list(answers), tls
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        scheme = "https" if tls else "http"
        self.address = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()

    def close(self) -> None:
        """Ends all connections."""
        self._ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._answer, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _answer(self, connection: socket.socket) -> None:
        try:
            with connection:
                if self._tls:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                with connection:
                    head = b""
                    while b"\r\n\r\n" not in head:
                        block = connection.recv(65536)
                        if not block:
                            return
                        head += block
                    self.requests.append(head.decode())
                    given = self._answers[0] if len(self._answers) == 1 else self._answers.pop(0)
                    for piece in [given] if isinstance(given, bytes) else given():
                        if self._ended.is_set():
                            return
                        connection.sendall(piece)
        except OSError:
            pass  # the client has gone


def certificate(folder: Path) -> Path:
    """A file with a new key and its certificate for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    host = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(host, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


def moved(location: str) -> bytes:
    return answer("302 Found", f"Location: {location}", "Content-Length: 0")


def fetched(url: str, tmp_path: Path, sha256: str | None = None) -> bytes:
    return fetch(url, tmp_path / "fetched", sha256).read_bytes()


def refusal(url: str, tmp_path: Path) -> str:
    """The one line that tells why nothing is fetched; nothing is left beside the cache."""
    with pytest.raises(StorageError) as raised:
        fetched(url, tmp_path)
    message = str(raised.value)
    assert message.isprintable(), message
    assert not (tmp_path / "fetched").exists()
    return message.replace(url, "URL")
