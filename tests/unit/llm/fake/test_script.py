"""Scripts: what is read, and what is said of mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qlf.errors import InputError
from qlf.llm.fake.fault import Throttled, Wire
from qlf.llm.fake.script import Script, load_script, parse_script

PAGE = Path(__file__).parents[4] / "docs/how-to/try-without-a-key.md"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"sed": 1}, "wrong at sed: Extra inputs"),
        ({"faults": [{"kind": "explode"}]}, "wrong at faults.0: Input tag 'explode'"),
        ({"faults": [{"kind": "cut", "retry_after": 1}]}, "faults.0.cut.retry_after"),
        ({"faults": [{"kind": "drop", "rate": 2}]}, "less than or equal to 1"),
        ({"faults": [{"kind": "drop", "from_seconds": 5, "to_seconds": 5}]}, "later than from_seconds"),
        ({"faults": [{"kind": "refuse_connections", "rate": 0.5}]}, "only, not ['rate']"),
        ({"deployments": [{"name": "a"}, {"name": "a"}]}, "'a' is listed twice"),
        ({"answers": [{"when": {"message_matches": "("}}]}, "no regular expression"),
        ({"answers": [{"text": "a", "size": 3}]}, "only one of text, data and size"),
        ({"sed": 1, "sid": 2}, "(and 1 more)"),
        ([], "wrong at its top"),
    ],
)
def test_a_mistake_is_named_with_its_place(document: Any, said: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_script(document)
    assert said in caught.value.message
    assert "\n" not in caught.value.message


def test_a_file_that_is_missing_or_no_yaml(tmp_path: Path) -> None:
    path = tmp_path / "script.yaml"
    with pytest.raises(InputError, match="cannot be read"):
        load_script(path)
    path.write_text("faults: [", "utf-8")
    with pytest.raises(InputError, match="not valid YAML"):
        load_script(path)
    path.write_bytes(b"seed: \xff\n")
    with pytest.raises(InputError, match="not UTF-8"):
        load_script(path)
    path.write_text("a: &x 1\nb: *x\n", "utf-8")
    with pytest.raises(InputError, match="anchor"):
        load_script(path)


def test_the_script_in_the_documentation_is_one(tmp_path: Path) -> None:
    path = tmp_path / "script.yaml"
    path.write_text(PAGE.read_text("utf-8").split("```yaml\n", 1)[1].split("```", 1)[0], "utf-8")
    script = load_script(path)
    assert script.deployments
    assert script.answers
    assert script.faults


def test_a_script_has_a_json_schema_that_describes_each_field() -> None:
    schema = Script.model_json_schema()
    kinds = schema["properties"]["faults"]["items"]["discriminator"]["mapping"]
    assert len(kinds) == 22
    assert "Bedrock" in schema["$defs"]["Deployment"]["description"]


def test_a_deployment_inherits_what_it_does_not_say() -> None:
    defaults = {"answer_bytes": 7, "chunk_chars": 3}
    script = parse_script({"defaults": defaults, "deployments": [{"name": "a", "chunk_chars": 5}]})
    behaviour = script.behaviour("a")
    assert behaviour is not None
    assert (behaviour.answer_bytes, behaviour.chunk_chars) == (7, 5)
    assert script.behaviour("b") is None
    assert parse_script({"open": True, "deployments": [{"name": "a"}]}).behaviour("b") is not None


def happens(fault: Throttled, ordinal: int, **change: Any) -> bool:
    given: dict[str, Any] = {"wire": Wire.OPENAI, "stream": False, "deployment": "d", "seconds": 0.0}
    return fault.holds(**{**given, "luck": b"1", **change}, ordinal=ordinal)


def test_a_rate_is_drawn_the_same_every_time_and_is_met() -> None:
    fault = Throttled(kind="throttled", rate=0.2)
    draws = [happens(fault, number) for number in range(1, 5001)]
    assert draws == [happens(fault, number) for number in range(1, 5001)]
    assert 900 < sum(draws) < 1100
    assert draws != [happens(fault, number, luck=b"2") for number in range(1, 5001)]


def test_conditions_all_hold_together() -> None:
    fault = Throttled(kind="throttled", deployment="ea*", every=3, from_seconds=2, to_seconds=4, stream=True)
    good: dict[str, Any] = {"deployment": "east", "seconds": 2.0, "stream": True}
    assert happens(fault, 3, **good)
    assert not happens(fault, 4, **good)
    for change in ({"deployment": "west"}, {"seconds": 1.9}, {"seconds": 4.0}, {"stream": False}):
        assert not happens(fault, 3, **{**good, **change})
