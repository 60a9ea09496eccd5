"""What the books cost a call: counted in calls of functions, which do not depend on the load of a machine."""

from __future__ import annotations

import cProfile
import pstats

from qlf.ledger.budget import BudgetLimits
from qlf.ledger.committer import Committer, Place
from qlf.ledger.operation import Close, Open


def test_an_attempt_costs_few_calls_when_many_are_written_together(desk):
    committer = Committer(Place(desk.path, desk.key, desk.heads), BudgetLimits(run_micros=10**12), None)
    intents = [Open(desk.intent(number)) for number in range(64)]
    outcome = desk.answered(response_id="response-1", request_id="request-1", reply_digest="e" * 64)
    committer.commit(intents)
    profile = cProfile.Profile()
    profile.enable()
    tickets = committer.commit(intents)
    committer.commit([Close(ticket, outcome) for ticket in tickets])
    profile.disable()
    committer.close()
    calls = pstats.Stats(profile).total_calls / 64
    assert calls < 100
