"""The OpenAPI document is the contract: committed, complete, stable."""

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.cli import main
from tests.support import API

COMMITTED = Path(__file__).parents[2] / "openapi.json"


@pytest.fixture
def operations(app: FastAPI) -> list[dict[str, Any]]:
    methods = (methods.values() for methods in app.openapi()["paths"].values())
    return [operation for group in methods for operation in group]


def test_committed_document_is_the_current_one(tmp_path: Path) -> None:
    written = tmp_path / "openapi.json"

    assert main(["openapi", "--output", str(written)]) == 0

    message = "openapi.json is not current; run `make openapi` and review the difference"
    assert written.read_text() == COMMITTED.read_text(), message


def test_document_is_served(client: TestClient, app: FastAPI) -> None:
    answer = client.get(f"{API}/openapi.json")

    assert answer.status_code == 200
    assert answer.json() == json.loads(json.dumps(app.openapi()))
    assert answer.json()["openapi"].startswith("3.1")


def test_operation_ids_are_unique_and_plain(operations: list[dict[str, Any]]) -> None:
    names = [operation["operationId"] for operation in operations]

    assert len(names) == len(set(names))
    assert all(name.isidentifier() for name in names)


def test_every_operation_is_described(operations: list[dict[str, Any]]) -> None:
    for operation in operations:
        assert operation["summary"]
        assert operation["description"]
        assert operation["tags"]


def test_every_documented_error_is_a_problem(operations: list[dict[str, Any]]) -> None:
    for operation in operations:
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                schema = response["content"]["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}, operation


def test_operation_with_token_documents_401(operations: list[dict[str, Any]]) -> None:
    for operation in operations:
        if "security" in operation:
            assert "WWW-Authenticate" in operation["responses"]["401"]["headers"]


def test_input_schemas_refuse_unknown_fields(app: FastAPI) -> None:
    document = app.openapi()
    bodies = {
        operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].split("/")[-1]
        for methods in document["paths"].values()
        for operation in methods.values()
        if "requestBody" in operation
    }

    assert bodies
    for name in bodies:
        assert document["components"]["schemas"][name]["additionalProperties"] is False, name
