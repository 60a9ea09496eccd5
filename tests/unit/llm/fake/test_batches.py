"""The batch interface, as the OpenAI SDK uses it."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest


def lines(*texts: str, url: str = "/v1/chat/completions", **more: Any) -> bytes:
    made = []
    for number, text in enumerate(texts):
        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": text}], **more}
        made.append({"custom_id": f"c{number}", "method": "POST", "url": url, "body": body})
    return b"\n".join(json.dumps(one).encode() for one in made) + b"\n"


async def start(client: Any, data: bytes, endpoint: str = "/v1/chat/completions") -> Any:
    file = await client.files.create(file=("in.jsonl", data), purpose="batch")
    assert file.bytes == len(data)
    assert file.filename == "in.jsonl"
    return await client.batches.create(
        input_file_id=file.id, endpoint=endpoint, completion_window="24h", metadata={"a": "b"}
    )


async def answers(client: Any, file: str) -> dict[str, Any]:
    content = await client.files.content(file)
    return {one["custom_id"]: one for one in map(json.loads, content.text.splitlines())}


async def test_a_batch_is_answered_at_half_the_price(serve: Any, openai_of: Any) -> None:
    fake = await serve(
        deployments=[{"name": "gpt-4o", "price": {"input": 2, "output": 4}}],
        answers=[{"when": {"message_contains": "one"}, "text": "first"}, {"text": "second"}],
    )
    client = openai_of(fake)
    batch = await client.batches.retrieve((await start(client, lines("one", "two"))).id)
    assert (batch.status, batch.request_counts.completed, batch.metadata) == ("completed", 2, {"a": "b"})
    found = await answers(client, batch.output_file_id)
    said = [found[one]["response"]["body"]["choices"][0]["message"]["content"] for one in ("c0", "c1")]
    assert said == ["first", "second"]
    assert all(one.batch and one.billed for one in fake.log)
    # 2 * 1 + 4 * 2 and 2 * 1 + 4 * 2, each by half
    assert fake.bill_micros() == 10


async def test_a_batch_takes_its_time_and_can_be_cancelled(serve: Any, openai_of: Any) -> None:
    fake = await serve(batch={"seconds": 60})
    client = openai_of(fake)
    batch = await start(client, lines("one"))
    assert (await client.batches.retrieve(batch.id)).status == "validating"
    assert [one.id async for one in client.batches.list()] == [batch.id]
    assert (await client.batches.cancel(batch.id)).status == "cancelled"
    with pytest.raises(openai.BadRequestError):
        await client.batches.cancel(batch.id)
    assert not any(one.billed for one in fake.log)


async def test_lines_that_fail_go_to_the_error_file(serve: Any, openai_of: Any) -> None:
    fake = await serve(faults=[{"kind": "error", "status": 500, "requests": [2]}])
    client = openai_of(fake)
    batch = await client.batches.retrieve((await start(client, lines("one", "two", "three"))).id)
    assert (batch.request_counts.completed, batch.request_counts.failed) == (2, 1)
    failed = await answers(client, batch.error_file_id)
    assert failed["c1"]["response"]["status_code"] == 500
    assert sum(one.billed for one in fake.log) == 2


async def test_an_expired_batch_has_worked_on_half_its_lines(serve: Any, openai_of: Any) -> None:
    client = openai_of(await serve(batch={"outcome": "expired"}))
    batch = await client.batches.retrieve((await start(client, lines("one", "two"))).id)
    assert batch.status == "expired"
    assert list(await answers(client, batch.output_file_id)) == ["c0"]
    assert (await answers(client, batch.error_file_id))["c1"]["error"]["code"] == "batch_expired"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"no json\n", "invalid_json_line"),
        (b"{}\n", "missing_required_parameter"),
        (lines("one") + lines("two"), "duplicate_custom_id"),
        (lines("one", url="/v1/embeddings"), "invalid_url"),
        (b"\n", "empty_file"),
    ],
)
async def test_a_wrong_file_fails_the_batch(serve: Any, openai_of: Any, data: bytes, code: str) -> None:
    batch = await start(openai_of(await serve()), data)
    assert batch.status == "failed"
    assert batch.errors.data[0].code == code


async def test_what_is_asked_wrongly_is_refused(serve: Any, openai_of: Any) -> None:
    client = openai_of(await serve())
    for work in (client.files.retrieve("file-x"), client.batches.retrieve("batch_x")):
        with pytest.raises(openai.NotFoundError):
            await work
    with pytest.raises(openai.BadRequestError):
        await start(client, lines("one"), endpoint="/v1/embeddings")


async def test_files_are_kept_until_they_are_deleted(serve: Any, openai_of: Any) -> None:
    client = openai_of(await serve())
    data = b'{"a": "\r\n--x"}\n'
    file = await client.files.create(file=("a.jsonl", data), purpose="batch")
    assert (await client.files.content(file.id)).content == data
    assert [one.id async for one in client.files.list()] == [file.id]
    assert (await client.files.delete(file.id)).deleted
    with pytest.raises(openai.NotFoundError):
        await client.files.retrieve(file.id)


async def test_azure_has_batches_too(serve: Any, azure_of: Any) -> None:
    client = azure_of(await serve())
    data = lines("one", url="/chat/completions")
    batch = await client.batches.retrieve((await start(client, data, "/chat/completions")).id)
    assert batch.status == "completed"
