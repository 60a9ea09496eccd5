"""The OpenAPI document of an application, derived from its spec.

This is the promise; the application's routes keep it, and the contract gate compares both. Nothing here
is shared with the templates of the routes, so that one can find the other wrong. It spells schemas as
FastAPI with pydantic 2 does (OpenAPI 3.1, JSON Schema 2020-12).
"""

from qlf.blueprint.contract.document import openapi_document, openapi_text

__all__ = ["openapi_document", "openapi_text"]
