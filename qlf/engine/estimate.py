"""What a run of the llm engine may cost, worked out from the tree that its agents would start from.

Each agent is sent the whole tree with the spec, and answers with a patch to the files that it owns. So the
input of a round is at most the bytes of both, its output at most the bytes of those files; that much is
what a run is bounded by. What is to be expected of a patch is less.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from qlf.core.tree import Tree

if TYPE_CHECKING:
    from qlf.llm.config import GatewayConfig
    from qlf.llm.deployment import Deployment
    from qlf.llm.estimate import RunEstimate

__all__ = ["MAX_ROUNDS", "estimate_run"]

MAX_ROUNDS = 3
"""A first answer and two repairs."""
PATCHED_SHARE = 4
"""A patch is expected to hold a fourth of the files that it may change."""
LEAST_OUTPUT_TOKENS = 1024
BYTES_PER_TOKEN = 3
"""Of code and English prose, rounded down; the bound from above takes one byte for a token."""


def estimate_run(tree: Tree, spec_bytes: int, config: GatewayConfig, model: str, today: date) -> RunEstimate:
    """Estimate a run.

    Args:
        tree: What the template engine makes of the spec.
        spec_bytes: Size of the spec as it is sent.
        config: What is configured.
        model: A tier, a model or an alias.
        today: The day on which ends of life are judged.

    Raises:
        ProviderError: If the model or its price is not known.
    """
    from qlf.agents import AGENTS
    from qlf.llm.catalogue import resolve
    from qlf.llm.estimate import Planned, run
    from qlf.llm.prices import Prices

    prices = Prices(config)
    candidates = resolve(model, config, today).candidates
    # Locks are written by programs; no agent reads or changes one.
    sizes = {path: len(file.data) for path, file in tree.items() if not path.endswith(".lock")}
    sent = spec_bytes + sum(sizes.values())
    planned = []
    for role, agent in AGENTS.items():
        owned = sum(size for path, size in sizes.items() if agent.owns(path))
        output = max(LEAST_OUTPUT_TOKENS, owned)
        deployment = max(candidates, key=lambda one: prices.worst_case_micros(one, sent, output))
        planned.append(
            Planned(
                agent=role,
                deployment=deployment,
                input_tokens=sent,
                max_output_tokens=min(output, _most(config, deployment) or output),
                likely_input_tokens=sent // BYTES_PER_TOKEN,
                likely_output_tokens=max(LEAST_OUTPUT_TOKENS, owned // BYTES_PER_TOKEN // PATCHED_SHARE),
                max_rounds=MAX_ROUNDS,
            )
        )
    return run(planned, prices)


def _most(config: GatewayConfig, deployment: Deployment) -> int | None:
    known = config.models.get(deployment.model)
    return known.max_output_tokens if known is not None else None
