"""Uses the gateway with a key from the environment, in every way that could let it slip out."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import sys
import traceback
from pathlib import Path

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from qlf.core.metering import Attribution
from qlf.engine.gateway import ModelPlaces, open_gateway
from qlf.llm.credential import ApiKey
from qlf.llm.request import Call, Message, ModelRequest
from qlf.llm.telemetry import Telemetry

logging.basicConfig(filename="log.txt", level=logging.DEBUG)


async def main(folder: Path) -> None:
    key = os.environ["OPENAI_API_KEY"]
    spans = TracerProvider()
    places = ModelPlaces(
        folder / "config", folder / "ledger" / "ledger.db", folder / "heads.jsonl", folder / "answers"
    )
    with (folder / "spans.txt").open("w") as out:
        spans.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=out)))
        meters = MeterProvider([PeriodicExportingMetricReader(ConsoleMetricExporter(out=out))])
        credential = ApiKey(key, "env:OPENAI_API_KEY")
        async with open_gateway(places, lambda _: credential, telemetry=Telemetry(spans, meters)) as gateway:
            for text in ("plain", "refuse", "break", "echo", f"my key is {key}"):
                call = Call(ModelRequest((Message("user", text),), 100), "gpt-4.1", Attribution(run="r"))
                try:
                    answer = await gateway.ask(call)
                    sys.stdout.write(f"{text[:6]} {answer.source} {credential} {gateway.config!r}\n")
                except Exception:
                    traceback.print_exc()
                    logging.getLogger("driver").exception("a call failed")
                for name in gateway.config.deployments:
                    gateway.scheduler.reinstate(name.name)
            sys.stdout.write("waits\n")
            sys.stdout.flush()
            await gateway.ask(Call(ModelRequest((Message("user", "wait"),), 100), "gpt-4.1"))
        meters.shutdown()


if __name__ == "__main__":
    # The system would allow a core dump; what follows must not.
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))
    asyncio.run(main(Path(sys.argv[1])))
