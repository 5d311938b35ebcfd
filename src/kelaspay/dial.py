"""Sends a request to an address that a stranger chose, without reaching what only we can reach.

The name is resolved once; every address behind it must be a public one, and the connection is made to an address that
was checked, so a name that changes its mind between two look-ups gains nothing. Redirects are not followed, proxies of
the environment are not used, and of the answer no more is read than was asked for.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpcore2

from kelaspay.endpoint_faults import AddressRefused, EndpointUnreachable

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator, Mapping

    Resolve = Callable[[str, int], list[str]]
    """The addresses behind a name."""

PATIENCE = 15.0
"""Seconds for all of it: to connect, to send, and to hear the answer's head."""
LONGEST_URL = 2000
PROTOCOLS = ipaddress.ip_network("192.0.0.0/24")
"""What translators and tunnels of a provider's own network answer at; not every Python takes all of it for special."""
NAT64 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of an answer."""

    status: int
    retry_after: str


@dataclass(frozen=True, slots=True)
class File:
    """A small file."""

    status: int
    media_type: str
    content: bytes


def resolved(host: str, port: int) -> list[str]:
    """By the system's resolver, in its order."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise EndpointUnreachable("Its name cannot be resolved.") from error
    return list(dict.fromkeys(str(each[4][0]) for each in found))


@dataclass(frozen=True, slots=True)
class Dialer:
    """Asks strangers. `private` lets it reach every address, for development; `https` refuses anything else."""

    private: bool
    https: bool
    resolve: Resolve = resolved
    network: httpcore2.NetworkBackend | None = None
    """What connects to an address; by default the system's sockets."""
    trusted: ssl.SSLContext | None = None
    patience: float = PATIENCE

    def check(self, url: str) -> None:
        """Raises `AddressRefused` for a URL that is none of a web address, or names a private address outright."""
        try:
            parts = urlsplit(url)
        except ValueError:  # a bracket without its other
            raise AddressRefused("The URL is no web address.") from None
        schemes = {"https"} if self.https else {"https", "http"}
        if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
            raise AddressRefused("The URL must be plain ASCII and not too long.")
        if parts.scheme not in schemes or not parts.hostname:
            raise AddressRefused(f"The URL must start with {' or '.join(sorted(f'{each}://' for each in schemes))}.")
        if parts.username is not None or parts.fragment:
            raise AddressRefused("The URL must have no user name and no fragment.")
        _port(url)
        if (literal := _literal(parts.hostname)) is not None:
            self._check_address(literal)

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """What the other side answers. Raises `EndpointUnreachable` or `AddressRefused`."""
        with self._asked("POST", url, headers, body) as answer:
            return Answer(answer.status, _header(answer.headers, b"retry-after"))

    def get(self, url: str, largest: int) -> File:
        """What is kept there, up to `largest` bytes. Raises as `post`, also for more than that."""
        with self._asked("GET", url, {"Accept": "*/*"}, b"") as answer:
            content = b""
            for part in answer.iter_stream():
                content += part
                if len(content) > largest:
                    raise EndpointUnreachable("It is too large.")
            return File(answer.status, _header(answer.headers, b"content-type"), content)

    @contextmanager
    def _asked(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Iterator[httpcore2.Response]:
        self.check(url)
        deadline = time.monotonic() + self.patience
        pinned = _Pinned(self, deadline)
        waits = dict.fromkeys(("connect", "read", "write", "pool"), self.patience)
        try:
            with (
                httpcore2.ConnectionPool(ssl_context=self.trusted, network_backend=pinned) as pool,
                pool.stream(
                    method, url, headers=[*headers.items()], content=body, extensions={"timeout": waits}
                ) as answer,
            ):
                yield answer
        except (
            httpcore2.NetworkError,
            httpcore2.TimeoutException,
            httpcore2.ProtocolError,
            httpcore2.UnsupportedProtocol,
        ) as error:
            raise EndpointUnreachable(type(error).__name__) from error

    def addresses(self, host: str, port: int) -> list[str]:
        """The checked addresses behind a name; one that is not public spoils all of them."""
        found = self.resolve(host, port)
        for address in found:
            self._check_address(ipaddress.ip_address(address.partition("%")[0]))
        if not found:
            raise EndpointUnreachable("Its name cannot be resolved.")
        return found

    def _check_address(self, address: Address) -> None:
        if not self.private and not public(address):
            raise AddressRefused("It is a private or special one.")


def public(address: Address) -> bool:
    """Whether an address can be anybody's: none of a private, shared, local or special network, nor one that leads to
    such a one by being translated.
    """
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return public(address.ipv4_mapped)
        translated = address.sixtofour is not None or address.teredo is not None
        if translated or address.is_site_local or any(address in network for network in NAT64):
            return False
    return address.is_global and address not in PROTOCOLS and not address.is_multicast and not address.is_reserved


class _Pinned(httpcore2.NetworkBackend):
    """Connects to an address that was checked, within the time that is left. The certificate is still held against the
    name in the URL: the pool asks for that by itself.
    """

    def __init__(self, dialer: Dialer, deadline: float) -> None:
        self._dialer = dialer
        self._deadline = deadline
        self._network = dialer.network or httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the base's form; the deadline counts
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        failed: Exception = EndpointUnreachable()
        for address in self._dialer.addresses(host, port):
            try:
                stream = self._network.connect_tcp(address, port, left(self._deadline), local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failed = error
            else:
                return _Timed(stream, self._deadline)
        raise failed


class _Timed(httpcore2.NetworkStream):
    """A stream on which everything together must be done by the deadline, however slowly the other side drips."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - the base's form
        return self._stream.read(max_bytes, left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - the base's form
        self._stream.write(buffer, left(self._deadline))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - the base's form
    ) -> httpcore2.NetworkStream:
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, left(self._deadline)), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def left(deadline: float) -> float:
    """Seconds until the deadline; raises httpcore's timeout when it has passed."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise httpcore2.ReadTimeout
    return seconds


def _header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str:
    return next((value.decode("latin-1") for given, value in headers if given.lower() == name), "")


def _literal(host: str) -> Address | None:
    """The address that a host is written as, in any of the ways that a resolver would read as one."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))  # 127.1, 0x7f000001, 2130706433
    except (OSError, UnicodeError):
        return None


def _port(url: str) -> int | None:
    try:
        return urlsplit(url).port
    except ValueError:
        raise AddressRefused("The URL's port is no port.") from None
