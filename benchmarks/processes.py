"""The programs under measurement, started on free loopback ports and ended with the run."""

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import trustme

REPOSITORY = Path(__file__).parents[1]

_START_SECONDS = 20
_SUCCESSES = ("ionq_up 1.0", "probe_success 1", "qpu_exporter_upstream_up 1")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Subject:
    """A running exporter and the path of one scrape of it."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    path: str
    seconds_to_first_response: float = 0.0

    @property
    def url(self) -> str:
        """The URL of one scrape."""
        return f"http://127.0.0.1:{self.port}{self.path}"

    def cpu_seconds(self) -> float:
        """CPU time used so far, user and system."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND

    def resident_megabytes(self) -> float:
        """Resident memory now, in units of 1,000,000 bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        kibibytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
        return int(kibibytes) * 1024 / 1e6


@dataclass(frozen=True, slots=True)
class Upstream:
    """A TLS server that answers with so many backends, the same ones or with a new queue time each time."""

    port: int
    ca_file: Path

    def api_url(self, backends: int, *, changing: bool = False) -> str:
        """The base URL under which so many backends are listed."""
        return f"https://localhost:{self.port}/{'changing' if changing else 'same'}/{backends}"


@contextlib.contextmanager
def nginx(folder: Path, sizes: Sequence[int]) -> Iterator[Upstream]:
    """Run nginx as the upstream: quick enough to measure others by, and it keeps connections alive."""
    folder.chmod(0o755)  # nginx's workers are not root
    authority = trustme.CA()
    ca_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    # Public sites, too, are certified by an intermediate authority, which is one signature more to check.
    certificate = authority.create_child_ca().issue_cert("localhost")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    for kind, queue_time in (("same", "1181215"), ("changing", '<!--# echo var="msec" -->')):
        for size in sizes:
            document = folder / "www" / kind / str(size) / "backends"
            document.parent.mkdir(parents=True)
            first_row, others = _backends(size).split('"QUEUE"', 1)
            document.write_text(first_row + queue_time + others.replace('"QUEUE"', "1181215"))
    port = free_port()
    (folder / "nginx.conf").write_text(
        f"""
        daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr crit;
        events {{ worker_connections 4096; }}
        http {{
          access_log off; default_type application/json; keepalive_requests 10000000; keepalive_timeout 600;
          client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
          fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
          server {{
            listen 127.0.0.1:{port} ssl;
            ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.pem;
            root {folder}/www;
            location /changing {{ ssi on; ssi_types application/json; }}
          }}
        }}
        """
    )
    command = ["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)]
    with _running(command):
        _wait_until_accepting(port)
        yield Upstream(port, ca_file)


@contextlib.contextmanager
def ionq_exporter(
    upstream: Upstream, api_url: str, python: str, *, checkout: Path = REPOSITORY, name: str = "ionq-exporter"
) -> Iterator[Subject]:
    """Run the exporter of a checkout, /backends alone, on a Python that has its dependencies."""
    port = free_port()
    command = [
        python,
        "-m",
        "exporter",
        f"--web.listen-address=127.0.0.1:{port}",
        f"--ionq.api-url={api_url}",
        "--ionq.max-backends=10000",
        "--ionq.max-response-bytes=8388608",
        "--no-collector.characterizations",
        "--log.level=error",
    ]
    environment = {**os.environ, "SSL_CERT_FILE": str(upstream.ca_file)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # or each start compiles all modules anew
    with _subject(name, command, port, "/metrics", environment, checkout) as subject:
        yield subject


def build_go_exporter(folder: Path) -> Path | None:
    """Compile the Go exporter against Debian's client_golang. Returns None where that is not installed."""
    libraries = Path("/usr/share/gocode")
    if not shutil.which("go") or not (libraries / "src/github.com/prometheus/client_golang").is_dir():
        return None
    source = folder / "go/src/go_exporter"
    shutil.copytree(REPOSITORY / "benchmarks/go_exporter", source)
    program = folder / "go_exporter"
    environment = {
        **os.environ,
        "GO111MODULE": "off",
        "GOPATH": f"{folder}/go:{libraries}",
        "GOCACHE": f"{folder}/go-cache",
    }
    subprocess.run(["go", "build", "-o", str(program), "."], cwd=source, env=environment, check=True)
    return program


@contextlib.contextmanager
def go_exporter(upstream: Upstream, api_url: str, program: Path) -> Iterator[Subject]:
    """Run the Go exporter."""
    port = free_port()
    environment = {
        **os.environ,
        "UP": f"{api_url}/backends",
        "PORT": str(port),
        "CERT": str(upstream.ca_file),
    }
    with _subject("Go exporter", [str(program)], port, "/metrics", environment) as subject:
        yield subject


@contextlib.contextmanager
def blackbox_exporter(upstream: Upstream, api_url: str, folder: Path) -> Iterator[Subject]:
    """Run blackbox_exporter, fetching the same URL."""
    config = folder / "blackbox.yml"
    http_probe = {"preferred_ip_protocol": "ip4", "tls_config": {"ca_file": str(upstream.ca_file)}}
    config.write_text(json.dumps({"modules": {"http": {"prober": "http", "http": http_probe}}}))
    port = free_port()
    program = shutil.which("prometheus-blackbox-exporter") or "blackbox_exporter"
    command = [
        program,
        f"--config.file={config}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]
    path = f"/probe?module=http&target={api_url}/backends"
    with _subject("blackbox_exporter", command, port, path, os.environ) as subject:
        yield subject


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def _subject(
    name: str,
    command: Sequence[str],
    port: int,
    path: str,
    environment: Mapping[str, str],
    folder: Path | None = None,
) -> Iterator[Subject]:
    started = time.perf_counter()
    with _running(command, environment, folder) as process:
        _wait_until_accepting(port)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_START_SECONDS)
        connection.request("GET", path)
        body = connection.getresponse().read().decode()
        elapsed = time.perf_counter() - started
        connection.close()
        if not any(line in body for line in _SUCCESSES):
            raise RuntimeError(f"{name} could not read the upstream:\n{body}")
        yield Subject(name, process, port, path, elapsed)


@contextlib.contextmanager
def _running(
    command: Sequence[str], environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command, env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _wait_until_accepting(port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.002)
        else:
            return


def _backends(count: int) -> str:
    rows = [
        {
            "backend": f"qpu.bench-{number}",
            "status": "available",
            "qubits": 36,
            "average_queue_time": "QUEUE",
            "last_updated": "2026-11-01T00:00:00Z",
            "degraded": False,
            "kw": 4902.81,
            "location": "College Park, MD, USA",
            "characterization_id": f"617a1f8b-59d4-435d-aa33-{number:012}",
        }
        for number in range(count)
    ]
    return json.dumps(rows)
