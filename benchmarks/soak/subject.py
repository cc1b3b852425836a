"""The exporter as it serves, and a count of its tasks and objects for each SIGUSR1."""

import asyncio
import gc
import json
import signal
import sys

from exporter.commands.assembly import Exporter
from exporter.commands.serve import serve_exporter
from exporter.common.logging import configure_logs
from exporter.ionq.api_key import ApiKey
from exporter.server.sockets import open_sockets
from exporter.settings import IonQSettings, ListenAddress, WebSettings


async def main(port: int, api_url: str) -> None:
    """Serve on a port of loopback, and count on standard output when told to."""

    def count() -> None:
        gc.collect()
        print(json.dumps({"tasks": len(asyncio.all_tasks()), "objects": len(gc.get_objects())}), flush=True)

    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, count)
    address = ListenAddress("127.0.0.1", port)
    ionq = IonQSettings(
        api_url=api_url,
        timeout_seconds=1.0,
        max_response_bytes=1 << 20,
        max_backends=500,
        characterizations=True,
    )
    web = WebSettings(listen_addresses=(address,), telemetry_path="/metrics", timeout_offset_seconds=0.05)
    logger = configure_logs("error", "logfmt")
    api_key = ApiKey("the-key-of-the-soak")
    exporter = Exporter(ionq, lambda: api_key, logger)
    await serve_exporter(exporter, open_sockets([address]), ionq, web, logger)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
