"""The web configuration in force: read anew when its file, a certificate or a key has changed."""

import hashlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from exporter.common.falling_rate import FallingRate
from exporter.server.web_config.basic_auth import BasicAuth
from exporter.server.web_config.rate_limit import RateLimiter
from exporter.server.web_config.settings import WebConfig, parse_web_config
from exporter.server.web_config.tls_context import ServerContext, server_context
from exporter.server.web_config.tls_settings import Pem
from exporter.server.web_config.yaml_document import WebConfigError

_MAX_FILE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Rules:
    """A state of the configuration, ready to be applied."""

    config: WebConfig
    headers: tuple[tuple[bytes, bytes], ...]
    context: ServerContext | None
    auth: BasicAuth | None
    limiter: RateLimiter | None


class WebConfigFile:
    """A file, and the last rules that it gave.

    Its content and that of the files it names is compared at each request and each new connection, as
    exporter-toolkit does: modification times miss changes that come too fast.
    """

    def __init__(self, path: Path, logger: FilteringBoundLogger) -> None:
        """Read the file for the first time. Raises WebConfigError."""
        self._path = path
        self._logger = logger
        self._refusals = FallingRate()
        self._files = _Files()
        self._rules = self._load(None)
        self._tell_ignored()

    def rules(self) -> Rules:
        """Return the rules of the file as it is now, or the last good ones while it cannot be used."""
        if self._files.changed():
            try:
                self._rules = self._load(self._rules)
            except WebConfigError as error:
                self._logger.error(  # noqa: TRY400 -- the message says it all
                    "web_config_not_reloaded", error=str(error), kept="last good one"
                )
            else:
                self._logger.info("web_config_reloaded", file=str(self._path))
                self._tell_ignored()
        return self._rules

    def tls(self) -> Callable[[], ssl.SSLContext] | None:
        """Return what gives the context for a new connection, or None where the file asks for plain HTTP."""
        return self._current_context if self._rules.context else None

    def _current_context(self) -> ssl.SSLContext:
        context = self.rules().context
        assert context  # noqa: S101 -- TLS is never turned off
        return context

    def _load(self, old: Rules | None) -> Rules:
        # Kept in any case: a file that cannot be used is tried again when it has changed once more.
        self._files = files = _Files()
        try:
            config = parse_web_config(files.read(self._path))
            context = self._context(config, old)
        except WebConfigError as error:
            raise WebConfigError(f"{self._path}: {error}") from error
        return Rules(
            config,
            tuple((name.lower().encode(), value.encode()) for name, value in config.headers),
            context,
            _auth(config, old),
            _limiter(config, old),
        )

    def _context(self, config: WebConfig, old: Rules | None) -> ServerContext | None:
        if old and (config.tls is None) != (old.config.tls is None):
            raise WebConfigError("TLS is turned on or off by a restart only")
        if config.tls is None:
            return None
        context = server_context(config.tls, self._read_pem)
        context.on_refused = self._tell_refused
        return context

    def _tell_refused(self, reason: str) -> None:
        if self._refusals.should_log(reason):
            self._logger.warning("tls_handshake_failed", error=reason)

    def _read_pem(self, pem: Pem) -> bytes:
        return self._files.read(self._path.parent / pem.path) if pem.path else pem.text.encode()

    def _tell_ignored(self) -> None:
        for what in self._rules.config.ignored:
            self._logger.warning("web_config_setting_ignored", setting=what)


class _Files:
    """Files that were read, and whether they are still the same."""

    def __init__(self) -> None:
        self._digests: dict[Path, bytes] = {}

    def read(self, path: Path) -> bytes:
        content, problem = _content(path)
        self._digests[path] = _digest(content, problem)
        if problem:
            raise WebConfigError(f"cannot read {path}: {problem}")
        return content

    def changed(self) -> bool:
        return any(_digest(*_content(path)) != digest for path, digest in self._digests.items())


def _content(path: Path) -> tuple[bytes, str]:
    """Return a file's content, and what is wrong with it."""
    try:
        if not path.exists():
            return b"", "no such file"
        if not path.is_file():
            return b"", "not a file"
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        return b"", error.strerror or str(error)
    return (b"", "too large") if len(content) > _MAX_FILE_BYTES else (content, "")


def _digest(content: bytes, problem: str) -> bytes:
    return hashlib.blake2b(content, person=problem.encode()[:16]).digest()


def _auth(config: WebConfig, old: Rules | None) -> BasicAuth | None:
    if old and old.config.users == config.users:
        return old.auth
    return BasicAuth(config.users) if config.users else None


def _limiter(config: WebConfig, old: Rules | None) -> RateLimiter | None:
    if old and old.config.rate_limit == config.rate_limit:
        return old.limiter
    return RateLimiter(config.rate_limit) if config.rate_limit else None
