import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.metrics.content_negotiation import accepts_gzip, negotiate
from exporter.metrics.encoding import Format

PROMETHEUS_2_42 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3_5 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_3_5_WITH_NATIVE_HISTOGRAMS = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


# Which format


@pytest.mark.parametrize(
    "accept",
    [
        PROMETHEUS_2_42,
        PROMETHEUS_3_5,
        PROMETHEUS_3_5_WITH_NATIVE_HISTOGRAMS,
        "application/openmetrics-text",
        "application/openmetrics-text;version=1.0.0",
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ' Application/OpenMetrics-Text ; Version="1.0.0" ',
        "application/openmetrics-text;q=0.5,text/plain;q=0.5",
        "application/openmetrics-text;version=0.0.1;q=0.2,application/openmetrics-text;version=1.0.0;q=0.1",
        "text/html,application/openmetrics-text;q=0.1,*/*;q=0.8",
    ],
)
def test_openmetrics_is_sent_where_it_is_preferred_at_least_as_much_as_text(accept: str) -> None:
    assert negotiate(accept) is Format.OPENMETRICS


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        CHROMIUM,
        "application/*",
        "text/plain",
        "text/plain;version=0.0.4",
        "application/json",
        "text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5",
        "text/plain;version=1.0.0;q=0.6,application/openmetrics-text;q=0.5",
        "text/plain;q=0.6,text/plain;q=0.1,application/openmetrics-text;q=0.5",
        "application/openmetrics-text;q=0",
        "application/openmetrics-text;q=0.0,*/*",
        "application/openmetrics-text;version=0.0.1",
        "application/openmetrics-text;version=2.0.0",
        "application/openmetrics-text;version=abc",
        "application/openmetrics-text;version=",
        "application/openmetrics-text;version=1.0.0;q=abc",
        "application/openmetrics-text;version=1.0.0;q=",
        "application/openmetrics-text;version=1.0.0;q=nan",
        "application/openmetrics-text;version=1.0.0;q=-1",
        "application/openmetrics-text;version=1.0.0;q=2",
        "application/openmetrics-text;version=1.0.0;q=1e999",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
        ",;=,;;==,q=1",
    ],
)
def test_any_other_client_gets_the_text_format(accept: str) -> None:
    assert negotiate(accept) is Format.TEXT


header_like = st.text(st.sampled_from(list('qgzip*/;=,. 0159"+-e')) | st.characters())


@given(st.text() | header_like | header_like.map(lambda text: f"application/openmetrics-text{text}"))
def test_no_accept_header_is_too_odd_to_choose_a_format(accept: str) -> None:
    assert negotiate(accept) in Format


# Compressed or not


@pytest.mark.parametrize(
    "accept_encoding",
    [
        "gzip",
        "GZIP",
        "gzip, deflate, br, zstd",
        "deflate, gzip;q=0.1",
        "gzip;q=1.0, identity; q=0.5, *;q=0",
        "*;q=0, gzip",
        "*",
        "br, *;q=0.1",
        " gzip ; q = 0.001 ",
    ],
)
def test_a_client_that_accepts_gzip_gets_it(accept_encoding: str) -> None:
    assert accepts_gzip(accept_encoding)


@pytest.mark.parametrize(
    "accept_encoding",
    [
        "",
        "identity",
        "deflate, br",
        "gzip;q=0",
        "gzip;q=0.000, *",
        "*, gzip;q=0",
        "*;q=0",
        "gzip;level=9;q=0",
        "gzip;q=abc",
        "gzip;q=nan",
        "gzipped",
    ],
)
def test_no_other_client_gets_gzip(accept_encoding: str) -> None:
    assert not accepts_gzip(accept_encoding)


@given(st.text() | header_like | header_like.map(lambda text: f"gzip{text}"))
def test_no_accept_encoding_is_too_odd_to_decide(accept_encoding: str) -> None:
    assert accepts_gzip(accept_encoding) in (True, False)
