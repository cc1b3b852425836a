"""``make fuzz``: the parsers, then the HTTP surface, for half of FUZZ_SECONDS each."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from exporter.simulator import Characterizations, Fleet, Span, utc_now
from fuzz import MACHINE

_HERE = Path(__file__).parent
_SECONDS = int(os.environ.get("FUZZ_SECONDS", "60"))
_LARGEST_INPUT = 65536
_START_LINES = 20
_SIGNS_OF_A_BUG = ("Traceback", "library_error")


def main() -> int:
    """Fuzz both, and return the exit status: 1 where something was found."""
    return int(any([_fuzz_parsers(), _fuzz_http_surface()]))


def _fuzz_parsers() -> bool:
    print(f"the parsers, {_SECONDS // 2} s", flush=True)
    with tempfile.TemporaryDirectory() as corpus:
        for seed in range(5):
            backends = Fleet(seed).backends(utc_now())
            Path(corpus, f"fleet-{seed}").write_text(json.dumps(backends))
            page = Characterizations(seed).page(MACHINE, utc_now(), Span(limit=2, page=seed + 1))
            Path(corpus, f"page-{seed}").write_text(json.dumps(page))
        limits = (f"-max_total_time={_SECONDS // 2}", f"-max_len={_LARGEST_INPUT}", "-timeout=10")
        artifacts = f"-artifact_prefix={_HERE}/crash-"
        command = (sys.executable, "-m", "fuzz.parser", *limits, artifacts, "-verbosity=0", corpus)
        return subprocess.run(command, check=False).returncode != 0


def _fuzz_http_surface() -> bool:
    print(f"the HTTP surface, {_SECONDS // 2} s", flush=True)
    flags = ("--web.listen-address=127.0.0.1:0", "--simulator.listen-address=127.0.0.1:0")
    command = (sys.executable, "-X", "dev", "-m", "exporter", "demo", *flags)
    with tempfile.TemporaryFile("w+") as log:
        exporter = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert exporter.stderr  # noqa: S101 -- for the type checker
        try:
            url = next(
                line.split("url=")[1].split("/metrics")[0]
                for line, _ in zip(exporter.stderr, range(_START_LINES), strict=False)
                if "event=listening" in line
            )
            found = _attack(url)
        finally:
            exporter.terminate()
            shutil.copyfileobj(exporter.stderr, log)
            exporter.wait()
        log.seek(0)
        broken = [line for line in log if any(sign in line for sign in _SIGNS_OF_A_BUG)]
    print("".join(broken), end="")
    return found or bool(broken)


def _attack(url: str) -> bool:
    command = (
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        str(_HERE / "openapi.yaml"),
        f"--url={url}",
        "--checks=all",
        "--mode=all",
        f"--max-time={_SECONDS // 2}",
        "--max-examples=1000000",
        "--no-color",
    )
    return subprocess.run(command, check=False).returncode != 0


if __name__ == "__main__":
    sys.exit(main())
