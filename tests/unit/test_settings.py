import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.settings import (
    DEFAULT_API_URL,
    DEFAULT_PORT,
    DEFAULT_STATUS_URL,
    ListenAddress,
    default_status_url,
    is_unencrypted,
    parse_api_url,
    parse_status_url,
)

# Addresses


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        (f":{DEFAULT_PORT}", "", 10065),
        (":0", "", 0),
        ("127.0.0.1:9100", "127.0.0.1", 9100),
        ("localhost:65535", "localhost", 65535),
        ("[::1]:10065", "::1", 10065),
        ("[::]:80", "::", 80),
        ("[fe80::1%eth0]:80", "fe80::1%eth0", 80),
        (" :10065 ", "", 10065),
    ],
)
def test_an_address_is_an_optional_host_and_a_port(text: str, host: str, port: int) -> None:
    assert ListenAddress.parse(text) == ListenAddress(host, port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10065",
        "localhost",
        "localhost:",
        ":",
        "::1:80",
        "[::1]",
        "[]:80",
        ":65536",
        ":123456",
        ":-1",
        ":http",
        "a:b:1",
    ],
)
def test_anything_else_is_refused_and_the_message_has_the_formats(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"is not an address: write host:port, :port or \[::1\]:port"
    ) as refusal:
        ListenAddress.parse(text)
    assert repr(text) in str(refusal.value)


@pytest.mark.parametrize("text", [":10065", "127.0.0.1:9100", "[::1]:10065", "[fe80::1%eth0]:80"])
def test_an_address_is_formatted_as_it_was_written(text: str) -> None:
    assert str(ListenAddress.parse(text)) == text


@given(st.text() | st.from_regex(r"\[?[a-z0-9:.%]*\]?:[0-9]{1,6}", fullmatch=True))
def test_every_text_is_refused_or_its_address_can_be_formatted_and_parsed_again(text: str) -> None:
    try:
        address = ListenAddress.parse(text)
    except ValueError as refusal:
        assert "is not an address" in str(refusal)  # noqa: PT017 -- either is right
        return
    assert ListenAddress.parse(str(address)) == address


# The URL of the API


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (DEFAULT_API_URL, "https://api.ionq.co/v0.4"),
        ("https://api.ionq.co/v0.4/", "https://api.ionq.co/v0.4"),
        ("https://api.ionq.co/v0.4//", "https://api.ionq.co/v0.4"),
        ("http://127.0.0.1:10066", "http://127.0.0.1:10066"),
        ("http://127.0.0.1:10066/", "http://127.0.0.1:10066"),
        ("http://[::1]:10066/v0.4", "http://[::1]:10066/v0.4"),
        ("HTTPS://ionq.example", "HTTPS://ionq.example"),
        ("https://proxy.example/ionq/backends-mirror", "https://proxy.example/ionq/backends-mirror"),
    ],
)
def test_a_base_url_is_accepted_and_loses_its_trailing_slash(text: str, url: str) -> None:
    assert parse_api_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "api.ionq.co/v0.4",
        "//api.ionq.co/v0.4",
        "ftp://api.ionq.co",
        "file:///etc/passwd",
        "https://",
        "https:///v0.4",
        "https://api.ionq.co:0",
        "https://api.ionq.co:65536",
        "https://api.ionq.co:https",
        "https://[::1",
        "https://[v1.a]",
        "https://300.1.1.1",
        "https://xn--\u00fc",
        "https://api.ionq.co/v0.4?limit=1",
        "https://api.ionq.co/v0.4?",
        "https://api.ionq.co/v0.4#top",
        "https://api.ionq.co/v0.4#",
        " https://api.ionq.co",
        "https://api.ionq.co/v 0.4",
        "https://api.ionq.co/\n",
        "https://api.ionq.co/\u2028",
        "https://api.ionq.co/\ud800",
    ],
)
def test_anything_else_is_refused_in_printable_text(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a URL|has a query or a fragment") as refusal:
        parse_api_url(text)
    assert str(refusal.value).isprintable()


def test_a_query_is_refused_without_quoting_it() -> None:
    with pytest.raises(ValueError, match="has a query or a fragment") as refusal:
        parse_api_url("https://api.ionq.co/v0.4?token=hunter2")
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("text", ["https://api.ionq.co/v0.4/backends", "https://api.ionq.co/v0.4/backends/"])
def test_the_endpoint_is_refused_and_the_message_has_the_base_url(text: str) -> None:
    with pytest.raises(ValueError, match=r"write the base URL, https://api\.ionq\.co/v0\.4$"):
        parse_api_url(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://user:hunter2@api.ionq.co/v0.4",
        "https://hunter2@api.ionq.co",
        "https://:hunter2@api.ionq.co",
        "https://user:hunter2@api.ionq.co:port",
        "https://user:hunter2@[::1",
        "user:hunter2@api.ionq.co",
        "ftp://user:hunter2@api.ionq.co",
        "https://user:hunter2@api.ionq.co/v0.4?limit=1",
    ],
)
def test_credentials_in_a_url_are_refused_without_quoting_them(text: str) -> None:
    with pytest.raises(ValueError, match=r"credentials: use --ionq\.api-key-file") as refusal:
        parse_api_url(text)
    assert "hunter2" not in str(refusal.value)


@given(
    st.text()
    | st.text().map(lambda host: f"https://{host}")
    | st.text().map(lambda path: f"https://api.ionq.co/{path}")
    | st.from_regex(r"https?://[\[\]:%.a-z0-9-]{1,30}(:[0-9]{1,6})?(/[a-z%.]*)?", fullmatch=True)
)
@example("https://\u3002")
@example("https://\u00b2")
@example("https://a" + "a" * 70_000)
@example("https://[::1%eth0]")
def test_httpx_can_request_the_backends_of_every_url_that_is_accepted(text: str) -> None:
    try:
        url = httpx.URL(f"{parse_api_url(text)}/backends")
    except ValueError:
        return
    assert url.scheme in ("http", "https")
    assert url.host
    assert url.path.endswith("/backends")
    assert not url.userinfo
    assert not url.query


@pytest.mark.parametrize(
    "url",
    [
        "http://api.ionq.co",
        "HTTP://10.0.0.1:10066/v0.4",
        "http://simulator:10066/v0.4",
        "http://localhost.example",
        "http://[2001:db8::1]",
    ],
)
def test_http_to_another_machine_is_unencrypted(url: str) -> None:
    assert is_unencrypted(parse_api_url(url))


@pytest.mark.parametrize(
    "url",
    [
        DEFAULT_API_URL,
        "HTTPS://10.0.0.1",
        "http://localhost:1",
        "http://LOCALHOST",
        "http://127.1.2.3/v0.4",
        "http://[::1]",
    ],
)
def test_https_and_loopback_are_not_unencrypted(url: str) -> None:
    assert not is_unencrypted(parse_api_url(url))


# The status page


def test_a_url_of_the_status_page_is_a_base_url_without_a_closing_slash() -> None:
    assert parse_status_url("https://status.ionq.co/") == DEFAULT_STATUS_URL
    assert parse_status_url("http://localhost:10066") == "http://localhost:10066"


@pytest.mark.parametrize("text", ["status.ionq.co", "https://", "https://status.ionq.co?key=secret"])
def test_anything_else_is_refused_with_the_page_as_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=f"write .*like {DEFAULT_STATUS_URL}$"):
        parse_status_url(text)


def test_the_endpoint_of_the_status_page_is_no_base_url() -> None:
    with pytest.raises(ValueError, match=r"write the base URL, https://status\.ionq\.co$"):
        parse_status_url("https://status.ionq.co/api/v2/summary.json")


@pytest.mark.parametrize("api_url", [DEFAULT_API_URL, "https://api.ionq.co/v0.3", "https://API.ionq.co/v0.4"])
def test_ionqs_api_has_ionqs_status_page(api_url: str) -> None:
    assert default_status_url(api_url) == DEFAULT_STATUS_URL


@pytest.mark.parametrize("api_url", ["http://localhost:10066/v0.4", "https://api.ionq.co.example/v0.4"])
def test_another_api_has_no_status_page(api_url: str) -> None:
    assert default_status_url(api_url) is None
