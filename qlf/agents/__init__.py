"""The agents: six roles that each write their own part of an application, and nothing else.

from qlf.agents import AGENTS

tree = AGENTS["backend"].write(spec)
"""

from qlf.agents.agent import Agent, OutOfBounds
from qlf.agents.team import AGENTS, owner_of

__all__ = ["AGENTS", "Agent", "OutOfBounds", "owner_of"]
