"""An endpoint's address is a stranger's word: it must not lead to what only we can reach."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import httpcore2
import pytest

from kelaspay.dial import Dialer
from kelaspay.endpoint_faults import AddressRefused, EndpointUnreachable
from tests.webhooks_out.receiver import deliver_due, dialer, outbox, receiving, states, tell

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.world import World

PUBLIC = "93.184.216.34"
HEADERS = {"webhook-id": "msg_1"}


class Names:
    """A resolver that gives one answer after the other, as who rebinds a name would."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append((host, port))
        return self.answers.pop(0)


class Network(httpcore2.NetworkBackend):
    """Remembers which addresses were connected to, and leads all of them to one port of ours."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connected: list[str] = []

    def connect_tcp(
        self,
        host: str,
        port: int,  # noqa: ARG002 - the base's form
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        self.connected.append(host)
        return httpcore2.SyncBackend().connect_tcp("127.0.0.1", self.port, timeout, local_address, socket_options)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 - an address to refuse
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "192.0.0.8",
        "192.0.0.192",
        "192.0.2.1",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "fd00:ec2::254",
    ],
)
def test_a_name_that_leads_to_a_private_address_is_refused(address: str) -> None:
    strict = dialer(private=False, resolve=Names([PUBLIC, address]))

    with pytest.raises(AddressRefused):
        strict.addresses("example.com", 443)


@pytest.mark.parametrize("address", [PUBLIC, "2606:2800:220:1:248:1893:25c8:1946", "8.8.8.8", "::ffff:8.8.8.8"])
def test_a_public_address_is_fine(address: str) -> None:
    assert dialer(private=False, resolve=Names([address])).addresses("example.com", 443) == [address]


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "https://",
        "https:///hook",
        "example.com/hook",
        "https://user:pass@example.com/",
        "https://example.com/#part",
        "https://example.com:99999/",
        "https://exa mple.com/",
        "https://example.com/\r\nHost: other",
        "http://127.0.0.1/hook",
        "http://127.1/hook",
        "http://2130706433/hook",
        "http://0x7f000001/hook",
        "http://[::1]/hook",
        "http://[::1/hook",
        "http://[::ffff:127.0.0.1]/hook",
        "http://169.254.169.254/latest/meta-data/",
        "https://example.com/" + "a" * 2000,
    ],
)
def test_a_url_that_is_none_or_names_a_private_address_is_refused_when_it_is_given(url: str) -> None:
    with pytest.raises(AddressRefused):
        dialer(private=False).check(url)


def test_in_production_only_https_is_taken() -> None:
    with pytest.raises(AddressRefused):
        dialer(https=True).check("http://example.com/hook")
    dialer(https=True).check("https://example.com/hook")


def test_a_name_is_looked_up_once_and_the_connection_goes_where_was_checked() -> None:
    names = Names([PUBLIC], ["127.0.0.1"])
    with receiving() as receiver:
        network = Network(int(receiver.url.split(":")[2].split("/")[0]))

        answer = Dialer(private=False, https=False, resolve=names, network=network).post(
            "http://rebound.example/hook", HEADERS, b"{}"
        )

    assert answer.status == 204
    assert network.connected == [PUBLIC]
    assert names.asked == [("rebound.example", 80)]
    assert receiver.calls[0].headers["host"] == "rebound.example"


def test_a_name_that_changes_to_a_private_address_is_refused_at_the_next_delivery(embedded: World) -> None:
    embedded.sell()
    tell(embedded, "http://rebound.example/hook", "order.created")
    embedded.buy()
    with receiving() as receiver:
        network = Network(int(receiver.url.split(":")[2].split("/")[0]))
        names = Names([PUBLIC], ["10.0.0.1"])
        box = outbox(embedded, dialer=Dialer(private=False, https=False, resolve=names, network=network))
        receiver.status = 500
        deliver_due(embedded, box)
        embedded.clock.move(minutes=1)

        deliver_due(embedded, box)

    assert network.connected == [PUBLIC]
    assert len(receiver.calls) == 1
    assert states(embedded) == [("order.created", "waiting", 2)]


def test_an_address_that_does_not_answer_is_followed_by_the_next_one() -> None:
    class Half(Network):
        def connect_tcp(self, host: str, port: int, *rest: Any, **named: Any) -> httpcore2.NetworkStream:
            if host == "8.8.8.8":
                raise httpcore2.ConnectError
            return super().connect_tcp(host, port, *rest, **named)

    with receiving() as receiver:
        network = Half(int(receiver.url.split(":")[2].split("/")[0]))
        caller = Dialer(private=False, https=False, resolve=Names(["8.8.8.8", PUBLIC]), network=network)

        assert caller.post("http://example.com/hook", HEADERS, b"{}").status == 204


def test_a_redirect_is_not_followed() -> None:
    with receiving() as elsewhere, receiving() as receiver:
        receiver.status, receiver.headers = 307, {"Location": elsewhere.url}

        answer = dialer().post(receiver.url, HEADERS, b"{}")

    assert answer.status == 307
    assert elsewhere.calls == []


def test_an_answer_that_drips_for_ever_ends_by_the_deadline() -> None:
    stopped = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                while not stopped.wait(0.05):
                    try:
                        connection.sendall(b"H")
                    except OSError:
                        return

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        with pytest.raises(EndpointUnreachable):
            dialer(patience=0.3).post(f"http://127.0.0.1:{server.getsockname()[1]}/", HEADERS, b"{}")
        stopped.set()
        thread.join(5.0)


def test_an_endless_body_is_not_read() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        sent: list[int] = []

        def pour() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                try:
                    while True:
                        sent.append(connection.send(b"10000\r\n" + b"x" * 65536 + b"\r\n"))
                except OSError:
                    return

        thread = threading.Thread(target=pour, daemon=True)
        thread.start()
        answer = dialer(patience=5.0).post(f"http://127.0.0.1:{server.getsockname()[1]}/", HEADERS, b"{}")
        thread.join(5.0)

    assert answer.status == 200
    assert not thread.is_alive()


def test_a_certificate_is_held_against_the_name_and_the_name_is_sent(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    named = ["-subj", "/CN=hooks.example", "-addext", "subjectAltName=DNS:hooks.example", "-days", "2"]
    subprocess.run([*made, *named, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    asked: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    trusted = ssl.create_default_context(cafile=str(certificate))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def serve(times: int) -> None:
            for _ in range(times):
                connection, _ = server.accept()
                try:
                    with context.wrap_socket(connection, server_side=True) as secure:
                        while not secure.recv(65536).endswith(b"{}"):  # closing on an unread body takes the answer back
                            pass
                        secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                except (ssl.SSLError, OSError):
                    connection.close()

        thread = threading.Thread(target=serve, args=(2,), daemon=True)
        thread.start()
        caller = Dialer(
            private=False,
            https=True,
            resolve=Names([PUBLIC], [PUBLIC]),
            network=Network(port),
            trusted=trusted,
        )
        answer = caller.post("https://hooks.example/", HEADERS, b"{}")
        with pytest.raises(EndpointUnreachable):
            caller.post("https://other.example/", HEADERS, b"{}")
        thread.join(5.0)

    assert answer.status == 200
    assert asked == ["hooks.example", "other.example"]
