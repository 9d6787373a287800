"""Where a server may send us, and who is told of passwords."""

from pathlib import Path

import pytest

from tests.storage.contents import CONTENT
from tests.storage.raw_server import Start, answer, fetched, moved, ok, refusal


def test_https_and_redirects_within_it(start: Start, tmp_path: Path) -> None:
    server = start(moved("/b.zip"), ok(CONTENT), tls=True)
    assert fetched(f"{server.address}/a.zip", tmp_path) == CONTENT


def test_https_is_never_left_for_http(start: Start, tmp_path: Path) -> None:
    plain = start(ok(CONTENT))
    server = start(moved(f"{plain.address}/a.zip"), tls=True)
    told = refusal(f"{server.address}/a.zip", tmp_path)
    assert told.startswith(f"URL: redirects to {plain.address}/a.zip, which is not encrypted; ")
    assert plain.requests == []


def test_an_inside_address_may_lead_to_another(start: Start, tmp_path: Path) -> None:
    server = start(moved(start(ok(CONTENT)).address))
    assert fetched(f"{server.address}/a.zip", tmp_path) == CONTENT


@pytest.mark.parametrize(
    "inside",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "169.254.169.254",
        "10.1.2.3",
        "192.168.0.1",
        "172.16.9.9",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[fe80::1]",
        "0.0.0.0",
    ],
)
def test_an_outside_address_leads_to_no_inside_one(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: str
) -> None:
    proxy = start(moved(f"http://{inside}/secret"), ok(CONTENT))
    monkeypatch.delenv("no_proxy")
    monkeypatch.setenv("http_proxy", proxy.address)
    told = refusal("http://8.8.8.8/a.zip", tmp_path)
    assert f"URL: redirects to http://{inside}/secret, an address of this machine or" in told
    assert len(proxy.requests) == 1


SECRET = "user:p%40ss@"


def test_user_and_password_go_to_their_host_alone_and_are_never_shown(
    start: Start, tmp_path: Path
) -> None:
    other = start(ok(CONTENT))
    server = start(answer("401 Unauthorized"), moved(f"{other.address}/b.zip?token=abc"))
    address = server.address.replace("://", f"://{SECRET}")
    told = refusal(f"{address}/a.zip?X-Goog-Signature=f00&sig=b42#part", tmp_path)
    assert told == (
        f"{server.address.replace('://', '://…@')}/a.zip?…: HTTP 401 Unauthorized; check the "
        "address and who may read it"
    )
    assert fetched(f"{address}/a.zip?sig=b42", tmp_path) == CONTENT
    assert "Authorization: Basic dXNlcjpwQHNz\r\n" in server.requests[0]
    assert "Authorization" not in other.requests[0]
