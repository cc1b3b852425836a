"""The key is in nothing that comes out of the exporter, whatever goes wrong."""

import functools
import gc
import traceback
from io import StringIO
from pathlib import Path
from types import CellType, FunctionType, MethodType

import pytest

from exporter.commands.assembly import Exporter
from exporter.common.errors import IonQError
from exporter.common.logging import configure_logs
from exporter.ionq.api_key import ApiKey
from exporter.scrape.deadline import Deadline
from exporter.settings import IonQSettings
from tests.integration.test_key import KEY, assert_hidden
from tests.integration.test_upstream_faults import GREETINGS, SCRIPTS, UNREACHABLE, greeting_for, unreachable
from tests.support.certificates import Authority
from tests.support.exporter_process import ExporterProcess
from tests.support.upstream import Script, Upstream


def walk(exporter: ExporterProcess) -> None:
    """Look at everything that can be had of a running exporter."""
    for headers in ({}, {"accept": "application/openmetrics-text"}):
        assert_hidden(exporter.get("metrics", x_prometheus_scrape_timeout_seconds="1", **headers).text)
    for path in ("", "-/healthy", "-/ready", "nothing"):
        answer = exporter.get(path)
        assert_hidden(answer.text + str(answer.headers))
    assert_hidden("\n".join(exporter.log))


def test_no_output_shows_the_key_during_any_fault(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(KEY)
    flags = (f"--ionq.api-key-file={path}", "--log.level=debug")
    with Upstream() as upstream, ExporterProcess(upstream.url, *flags) as exporter:
        for script, _ in SCRIPTS.values():
            upstream.answers(script)
            walk(exporter)
        path.unlink()
        walk(exporter)
        assert any(request.headers.get("authorization") for request in upstream.requests)


def test_a_key_in_the_environment_is_not_in_the_command_line(upstream: Upstream) -> None:
    with ExporterProcess(upstream.url, environment={"IONQ_API_KEY": KEY}) as exporter:
        process = Path(f"/proc/{exporter.process.pid}")
        assert_hidden((process / "cmdline").read_text())
        # This is why a file is better: the same user can read it here.
        assert KEY in (process / "environ").read_text()


CONTAINERS = (dict, list, tuple, set, frozenset, functools.partial, MethodType, CellType)


def held_by(root: object) -> list[object]:
    """Return what the exporter's own objects hold, however deep, but for what an ApiKey keeps."""
    found: dict[int, object] = {}
    to_visit = [root]
    while to_visit:
        each = to_visit.pop()
        if id(each) in found:
            continue
        found[id(each)] = each
        if isinstance(each, FunctionType):
            to_visit += each.__closure__ or ()
        elif isinstance(each, CONTAINERS) or (
            type(each).__module__.startswith("exporter.") and not isinstance(each, ApiKey | IonQError)
        ):
            to_visit += gc.get_referents(each)
    return list(found.values())


def test_what_an_exporter_holds_is_searched_for_the_key_as_far_as_it_reaches() -> None:
    key = ApiKey(KEY)
    assert key in held_by(functools.partial(print, lambda: [{"key": key}]))
    settings = IonQSettings("http://ionq.test", 1, 1, 1, characterizations=True)
    exporter = Exporter(settings, lambda: key, configure_logs("info", "logfmt", StringIO()))
    assert any(isinstance(each, ApiKey) for each in held_by(exporter))


async def assert_error_hides_the_key(url: str) -> None:
    log = StringIO()
    settings = IonQSettings(
        api_url=url,
        timeout_seconds=1,
        max_response_bytes=1 << 20,
        max_backends=500,
        characterizations=True,
    )
    key = ApiKey(KEY)
    exporter = Exporter(settings, lambda: key, configure_logs("debug", "logfmt", log))
    error = (await exporter.scraper.scrape(Deadline(1))).error
    await exporter.aclose()
    if error:
        chain: BaseException | None = error
        while chain is not None:
            assert_hidden(repr(chain) + str(chain) + str(vars(chain).get("request_id")))
            chain = chain.__cause__ or chain.__context__
        frames = traceback.TracebackException.from_exception(error, capture_locals=False)
        assert_hidden("".join(frames.format()))
    assert_hidden(repr(error) + log.getvalue())
    assert_hidden("".join(map(repr, held_by(exporter))))


@pytest.mark.anyio
@pytest.mark.parametrize("script", [script for script, _ in SCRIPTS.values()], ids=SCRIPTS.keys())
async def test_no_repr_of_an_error_shows_the_key(upstream: Upstream, script: Script) -> None:
    upstream.answers(script)
    await assert_error_hides_the_key(upstream.url)


@pytest.mark.anyio
@pytest.mark.parametrize("fault", [*GREETINGS, *UNREACHABLE])
async def test_no_repr_of_a_connection_error_shows_the_key(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", authority.trusted["SSL_CERT_FILE"])
    if fault in UNREACHABLE:
        with unreachable(fault, monkeypatch) as url:
            await assert_error_hides_the_key(url)
        return
    with Upstream(greeting=greeting_for(fault, authority, tmp_path), scheme="https") as upstream:
        await assert_error_hides_the_key(upstream.url)
        assert upstream.requests == []
