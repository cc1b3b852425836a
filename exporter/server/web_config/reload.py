"""The current web configuration, reloaded when its file, a certificate or a key has changed."""

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


@dataclass(frozen=True, slots=True)
class Rules:
    """One state of the configuration, ready to apply."""

    config: WebConfig
    headers: tuple[tuple[bytes, bytes], ...]
    context: ServerContext | None
    auth: BasicAuth | None
    limiter: RateLimiter | None


class WebConfigFile:
    """A configuration file, and the last rules that could be read from it.

    Each request and each new connection compares the content of all files, as exporter-toolkit does:
    modification times miss changes in quick succession.
    """

    def __init__(self, path: Path, logger: FilteringBoundLogger) -> None:
        """Read the file for the first time. Raises WebConfigError."""
        self._path = path
        self._logger = logger
        self._handshake_failures = FallingRate()
        self._files = _Files()
        self._rules = self._load(None)
        self._warn_of_ignored()

    def rules(self) -> Rules:
        """Return the rules of the file as it is now, or the last good ones if it cannot be used."""
        if self._files.changed():
            self.reload()
        return self._rules

    def reload(self) -> None:
        """Read the file again, and keep the last good rules if it cannot be used."""
        try:
            self._rules = self._load(self._rules)
        except WebConfigError as error:
            self._logger.error(  # noqa: TRY400 -- the message is sufficient
                "web_config_not_reloaded", error=str(error), kept="last good one"
            )
        else:
            self._logger.info("web_config_reloaded", file=str(self._path))
            self._warn_of_ignored()

    def tls(self) -> Callable[[], ssl.SSLContext] | None:
        """Return a function that returns the context for a new connection, or None for plain HTTP."""
        return self._current_context if self._rules.context else None

    def _current_context(self) -> ssl.SSLContext:
        context = self.rules().context
        assert context  # noqa: S101 -- a reload cannot turn TLS off
        return context

    def _load(self, old: Rules | None) -> Rules:
        # Replaced even if loading fails: a file that cannot be used is read again only after another change.
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
        context.on_refused = self._warn_of_refused
        return context

    def _warn_of_refused(self, reason: str) -> None:
        if self._handshake_failures.should_log(reason):
            self._logger.warning("tls_handshake_failed", error=reason)

    def _read_pem(self, pem: Pem) -> bytes:
        return self._files.read(self._path.parent / pem.path) if pem.path else pem.text.encode()

    def _warn_of_ignored(self) -> None:
        for setting in self._rules.config.ignored:
            self._logger.warning("web_config_setting_ignored", setting=setting)


class _Files:
    """Files that were read, and whether they have changed since."""

    def __init__(self) -> None:
        self._hashes: dict[Path, int] = {}

    def read(self, path: Path) -> bytes:
        content, problem = _read(path)
        self._hashes[path] = hash((content, problem))
        if problem:
            raise WebConfigError(f"cannot read {path}: {problem}")
        return content

    def changed(self) -> bool:
        return any(hash(_read(path)) != known for path, known in self._hashes.items())


def _read(path: Path) -> tuple[bytes, str]:
    """Return a file's content and what is wrong with it."""
    try:
        if path.exists() and not path.is_file():  # to read a pipe would block
            return b"", "not a file"
        return path.read_bytes(), ""
    except OSError as error:
        return b"", error.strerror or str(error)


def _auth(config: WebConfig, old: Rules | None) -> BasicAuth | None:
    if old and old.config.users == config.users:
        return old.auth
    return BasicAuth(config.users) if config.users else None


def _limiter(config: WebConfig, old: Rules | None) -> RateLimiter | None:
    if old and old.config.rate_limit == config.rate_limit:
        return old.limiter
    return RateLimiter(config.rate_limit) if config.rate_limit else None
