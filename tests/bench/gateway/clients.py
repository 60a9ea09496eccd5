"""The clients that are compared, each behind the same three methods. Everything is imported when it is used.

All of them ask two accounts of the same provider for the same model; how they share the calls between the
two is their own affair, and at random where they do not care.
"""

from __future__ import annotations

import asyncio
import os
import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

PROMPT = "Write a function that adds two numbers. " * 100
MODEL = "gpt-4.1"
BEDROCK = "amazon.nova-lite-v1:0"
LIMIT = 1000
KEY = "sk-bench-0123456789abcdef"
ACCOUNTS = ("east", "west")


class Client:
    """A client; `rpm` are the limits of each account, if it can be told them, `cap` a budget in USD."""

    budget = False
    """Whether it can be given a budget."""
    threads = False
    """Whether its work is done in threads, where calls cannot be counted."""

    def __init__(self, url: str, folder: Path, rpm: int | None = None, cap: float | None = None) -> None:
        self.url, self.folder, self.rpm, self.cap = url, folder, rpm, cap
        self.stack = AsyncExitStack()

    def base(self, account: str) -> str:
        return f"{self.url}/accounts/{account}/v1"

    async def open(self) -> None:
        """Make it ready."""

    async def ask(self, text: str) -> None:
        """One call; raises if there is no answer."""

    async def stream(self, text: str) -> int:
        """One streamed call; the number of pieces."""
        raise LookupError("it is not measured")

    async def close(self) -> None:
        await self.stack.aclose()


class Gateway(Client):
    budget = True

    async def open(self) -> None:
        from qlf.core.metering import Attribution
        from qlf.engine.gateway import ModelPlaces, open_gateway
        from qlf.ledger.budget import BudgetLimits
        from qlf.llm.config_file import parse_config
        from qlf.llm.credential import ApiKey
        from qlf.llm.request import Call, Message, ModelRequest

        rpm = f", rpm: {self.rpm}" if self.rpm else ""
        text = "providers:\n" + "".join(
            f"  {name}: {{kind: openai_compatible, endpoint: '{self.base(name)}'}}\n" for name in ACCOUNTS
        )
        text += "deployments:\n" + "".join(
            f"  - {{name: {name}, provider: {name}, model: {MODEL}, remote: {MODEL}, "
            f"price: {{input: 2, output: 8}}{rpm}}}\n"
            for name in ACCOUNTS
        )
        folder = self.folder
        cap = None if self.cap is None else BudgetLimits(run_micros=round(self.cap * 1_000_000))
        self.gateway = await self.stack.enter_async_context(
            open_gateway(
                ModelPlaces(folder / "config", folder / "ledger.db", folder / "heads", folder / "answers"),
                lambda _: ApiKey(KEY, "k@1"),
                config=parse_config(text),
                ceiling=cap,
            )
        )
        who = Attribution(run="bench", agent="backend")
        self.request = lambda text: ModelRequest((Message("user", text),), LIMIT)
        self.call = lambda text, cached=False: Call(self.request(text), MODEL, who, use_cache=cached)

    async def ask(self, text: str) -> None:
        await self.gateway.ask(self.call(text))

    async def stream(self, text: str) -> int:
        return len([item async for item in self.gateway.stream(self.call(text))])


class Adapter(Gateway):
    """Our adapter alone: what the gateway adds is measured against it."""

    budget = False

    async def ask(self, text: str) -> None:
        await self.opened.complete(self.deployment, self.request(text), 60.0)

    async def stream(self, text: str) -> int:
        request = self.request(text)
        return len([item async for item in self.opened.stream(self.deployment, request, 60.0)])

    async def open(self) -> None:
        await super().open()
        self.deployment = self.gateway.config.deployments[0]
        self.opened = (await self.gateway.sender.pool.get(self.deployment.provider)).adapter


class OpenAI(Client):
    async def open(self) -> None:
        import openai

        self.clients = [
            await self.stack.enter_async_context(openai.AsyncOpenAI(api_key=KEY, base_url=self.base(name)))
            for name in ACCOUNTS
        ]

    def _asked(self, text: str) -> dict[str, Any]:
        return {"model": MODEL, "messages": [{"role": "user", "content": text}], "max_tokens": LIMIT}

    async def ask(self, text: str) -> None:
        client = random.choice(self.clients)
        answer = await client.chat.completions.create(**self._asked(text))
        assert answer.choices[0].message.content

    async def stream(self, text: str) -> int:
        client = random.choice(self.clients)
        options = {"stream": True, "stream_options": {"include_usage": True}}
        chunks = await client.chat.completions.create(**self._asked(text), **options)
        return len([chunk async for chunk in chunks])


class Boto3(Client):
    threads = True

    async def open(self) -> None:
        import boto3
        from botocore.config import Config

        names = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "x" * 40}
        self.clients = [
            boto3.client(
                "bedrock-runtime",
                endpoint_url=f"{self.url}/accounts/{name}",
                region_name="us-east-1",
                config=Config(max_pool_connections=64),
                **names,
            )
            for name in ACCOUNTS
        ]
        self.pool = self.stack.enter_context(ThreadPoolExecutor(64))

    def _asked(self, text: str) -> dict[str, Any]:
        messages = [{"role": "user", "content": [{"text": text}]}]
        return {"modelId": BEDROCK, "messages": messages, "inferenceConfig": {"maxTokens": LIMIT}}

    async def ask(self, text: str) -> None:
        client = random.choice(self.clients)
        await asyncio.get_running_loop().run_in_executor(
            self.pool, lambda: client.converse(**self._asked(text))
        )

    async def stream(self, text: str) -> int:
        client = random.choice(self.clients)
        return await asyncio.get_running_loop().run_in_executor(
            self.pool, lambda: len(list(client.converse_stream(**self._asked(text))["stream"]))
        )


class PydanticAI(Client):
    async def open(self) -> None:
        from pydantic_ai.models.fallback import FallbackModel
        from pydantic_ai.models.openai import OpenAIChatModel
        from pydantic_ai.providers.openai import OpenAIProvider

        models = [
            OpenAIChatModel(MODEL, provider=OpenAIProvider(base_url=self.base(name), api_key=KEY))
            for name in ACCOUNTS
        ]
        self.models = [FallbackModel(*models), FallbackModel(*models[::-1])]

    async def ask(self, text: str) -> None:
        from pydantic_ai.direct import model_request
        from pydantic_ai.messages import ModelRequest

        model = random.choice(self.models)
        await model_request(
            model, [ModelRequest.user_text_prompt(text)], model_settings={"max_tokens": LIMIT}
        )

    async def stream(self, text: str) -> int:
        from pydantic_ai.direct import model_request_stream
        from pydantic_ai.messages import ModelRequest

        asked = [ModelRequest.user_text_prompt(text)]
        async with model_request_stream(self.models[0], asked, model_settings={"max_tokens": LIMIT}) as items:
            return len([item async for item in items])


class LiteLLMRouter(Client):
    budget = True

    async def open(self) -> None:
        os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
        import litellm

        litellm.telemetry = False
        litellm.suppress_debug_info = True
        more: dict[str, Any] = {}
        if self.cap is not None:
            more["provider_budget_config"] = {"openai": {"budget_limit": self.cap, "time_period": "1d"}}
        limits = {"rpm": self.rpm} if self.rpm else {}
        self.router = litellm.Router(
            model_list=[
                {
                    "model_name": MODEL,
                    "litellm_params": {
                        "model": f"openai/{MODEL}",
                        "api_key": KEY,
                        "api_base": self.base(name),
                        **limits,
                    },
                }
                for name in ACCOUNTS
            ],
            **more,
        )

    def _asked(self, text: str) -> dict[str, Any]:
        return {"model": MODEL, "messages": [{"role": "user", "content": text}], "max_tokens": LIMIT}

    async def ask(self, text: str) -> None:
        answer = await self.router.acompletion(**self._asked(text))
        assert answer.choices[0].message.content

    async def stream(self, text: str) -> int:
        chunks = await self.router.acompletion(**self._asked(text), stream=True)
        return len([chunk async for chunk in chunks])


class LiteLLM(LiteLLMRouter):
    """Its SDK alone, for the budget: `litellm.max_budget`."""

    async def open(self) -> None:
        await super().open()
        import litellm

        litellm.max_budget = self.cap or 0.0
        self.litellm = litellm

    async def ask(self, text: str) -> None:
        asked = {**self._asked(text), "model": f"openai/{MODEL}"}
        await self.litellm.acompletion(**asked, api_key=KEY, api_base=self.base(random.choice(ACCOUNTS)))


CLIENTS: dict[str, type[Client]] = {
    "qlf": Gateway,
    "qlf adapter alone": Adapter,
    "openai": OpenAI,
    "boto3 in threads": Boto3,
    "pydantic-ai": PydanticAI,
    "LiteLLM Router": LiteLLMRouter,
    "LiteLLM SDK": LiteLLM,
}
