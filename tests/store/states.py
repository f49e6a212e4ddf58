"""States of every shape, for what must hold whatever was done."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.model.intents import CreateIntent, EnrollIntent, PauseIntent
from reconciler.model.live import Capabilities
from reconciler.model.state import Approval, Binding, CampaignState, Cohort, Leftover, State, Stop, Tombstone

STATE = State(lineage="a-lineage", ledger_key="ab" * 32, ledger_key_id="0123abcd")
_KEYS = ("a", "b", "c-d", "e.f")
_TEXTS = ("", "x", "ä\u2028\\n", '"{}', "\x00\x7f", "- By: z", "😀" * 3)


def walk(rng: random.Random, steps: int) -> Iterator[State]:
    """Change a state again and again, anything in it; the serial is left alone."""
    state = STATE
    for _ in range(steps):
        for change in rng.sample(_CHANGES, rng.randint(1, 3)):
            state = state.model_copy(update=change(rng, state))
        yield state


def _time(rng: random.Random) -> datetime:
    return datetime(2026, 11, 30, tzinfo=UTC) + timedelta(microseconds=rng.randrange(10**12))


def _entry(rng: random.Random) -> CampaignState:
    return CampaignState(
        id=f"camp_{rng.randrange(10)}",
        name=rng.choice(_TEXTS),
        file="x.yaml",
        status=rng.choice(("draft", "running", "paused")),
        started_at=rng.choice((None, _time(rng))),
        steps_digest="d" * rng.randint(0, 2),
        sources={rng.choice(_TEXTS): "1"},
        ledger=tuple(rng.choice("xyz") for _ in range(rng.randint(0, 2))),
        refused=tuple(rng.choice("xyz") for _ in range(rng.randint(0, 2))),
        cohorts=(Cohort(at=_time(rng), sent=3, accepted=2),) * rng.randint(0, 2),
    )


def _campaigns(rng: random.Random, state: State) -> dict[str, Any]:
    key, campaigns = rng.choice(_KEYS), dict(state.campaigns)
    there = campaigns.get(key)
    match rng.randrange(4):
        case 0:
            campaigns.pop(key, None)
        case 1 if there is not None:
            cohorts = (*there.cohorts, Cohort(at=_time(rng), sent=1, accepted=1))
            grown: dict[str, Any] = {"ledger": (*there.ledger, rng.choice("xyz")), "cohorts": cohorts}
            if rng.random() < 0.5:
                grown["refused"] = (*there.refused, rng.choice("xyz"))
            campaigns[key] = there.model_copy(update=grown)
        case 2 if there is not None:
            campaigns[key] = there.model_copy(update={"ledger": there.ledger[:-1], "status": "paused"})
        case _:
            campaigns[key] = _entry(rng)
    return {"campaigns": campaigns}


def _tombstones(rng: random.Random, state: State) -> dict[str, Any]:
    key, tombstones = rng.choice(_KEYS), dict(state.tombstones)
    if rng.random() < 0.4:
        tombstones.pop(key, None)
    elif key in tombstones:
        tombstones[key] = tombstones[key].below(_time(rng), _entry(rng))
    else:
        tombstones[key] = Tombstone(at=_time(rng), campaign=_entry(rng))
    return {"tombstones": tombstones}


def _operations(rng: random.Random, state: State) -> dict[str, Any]:
    if state.operations and rng.random() < 0.5:
        return {"operations": state.without([rng.choice(list(state.operations))]).operations}
    common: dict[str, Any] = {"campaign": rng.choice(_KEYS), "at": _time(rng), "by": rng.choice(_TEXTS)}
    intent = rng.choice(
        (
            CreateIntent(**common, name=rng.choice(_TEXTS), steps="d", sources={"a": "b"}),
            EnrollIntent(**common, id="camp_1", segment="s", leads=3, new=True),
            PauseIntent(**common, id="camp_1"),
        )
    )
    return {"operations": state.intending(f"{rng.getrandbits(32):08x}", intent).operations}


def _approvals(rng: random.Random, state: State) -> dict[str, Any]:
    key, approvals = rng.choice(_KEYS), dict(state.approvals)
    if approvals.pop(key, None) is None or rng.random() < 0.5:
        given = Approval(
            at=_time(rng), by=rng.choice(_TEXTS), content="c", kinds=("start",), started=rng.random() < 0.5
        )
        approvals[key] = given
    return {"approvals": approvals}


def _leftovers(rng: random.Random, state: State) -> dict[str, Any]:
    one = Leftover(campaign="a", id=rng.choice((None, "camp_9")), name="n", at=_time(rng), reason=rng.choice(_TEXTS))
    return {"leftovers": rng.choice(((*state.leftovers, one), (), state.leftovers[1:], (one,)))}


def _small(rng: random.Random, state: State) -> dict[str, Any]:
    mark = Stop(scope=rng.choice(("*", "a")), reason=rng.choice(_TEXTS), at=_time(rng), by="ada")
    stops = rng.choice(((*state.stops, mark), state.stops[1:], ()))
    binding = rng.choice((None, Binding(address="https://x/v1", key_kind="sk_live", pools=("p",)), state.binding))
    return {"stops": stops, "binding": binding, "capabilities": Capabilities(get_campaign=rng.choice((None, True)))}


_CHANGES = (_campaigns, _campaigns, _tombstones, _operations, _approvals, _leftovers, _small)
