"""Whether a request may still leave is asked before each attempt: the lease has to outlive it (design §6, "Lease")."""

from collections.abc import Callable

import httpx
import pytest
from leadterra.fakes import LEADS, client, reply

from reconciler.diagnostics import ApiError, LeaseLostError, Withdrawn, error

LOST = LeaseLostError(error("lease-lost", "the lock was taken over"))
COUNTS = {"enrolled": 2, "updated": 0, "skipped": 0}


class Asked:
    """Lets so many attempts leave, and none after them."""

    def __init__(self, allowed: int) -> None:
        self.allowed = allowed
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if len(self.seconds) > self.allowed:
            raise LOST


def test_it_is_asked_before_every_attempt_with_the_seconds_it_may_take() -> None:
    asked = Asked(3)
    api, script = client(reply(503, {}), httpx.ReadError("reset"), reply(data=COUNTS), may_send=asked, timeout=7.0)
    api.enroll("camp_1", LEADS)
    assert len(script.requests) == 3
    assert asked.seconds == [7.0] * 3


@pytest.mark.parametrize("call", [lambda api: api.enroll("camp_1", LEADS), lambda api: api.sender_pools()])
def test_nothing_leaves_once_it_may_not(call: Callable[..., object]) -> None:
    api, script = client(reply(data=COUNTS), may_send=Asked(0))
    with pytest.raises(LeaseLostError):
        call(api)
    assert script.requests == []


def test_an_attempt_that_did_nothing_before_it_leaves_nothing_unknown() -> None:
    api, script = client(reply(503, {}), may_send=Asked(1))
    with pytest.raises(LeaseLostError):
        api.start("camp_1")
    assert len(script.requests) == 1


def test_an_attempt_that_may_have_been_carried_out_stays_unknown() -> None:
    """The lease was lost between two attempts: what the first one did is not known, and that is what is told."""
    api, script = client(httpx.ReadTimeout("slow"), may_send=Asked(1))
    with pytest.raises(ApiError, match="may be enrolled now") as caught:
        api.enroll("camp_1", LEADS)
    assert caught.value.sent
    assert "the lock was taken over" in str(caught.value)
    assert len(script.requests) == 1


def test_a_read_that_cannot_be_asked_again_changed_nothing() -> None:
    api, _ = client(httpx.ReadTimeout("slow"), may_send=Asked(1))
    with pytest.raises(LeaseLostError):
        api.stats("camp_1")


def withdrawn() -> None:
    raise Withdrawn


@pytest.mark.parametrize(
    "call", [lambda api: api.start("camp_1", again=withdrawn), lambda api: api.enroll("camp_1", LEADS, again=withdrawn)]
)
def test_what_is_not_wanted_any_more_is_not_tried_again(call: Callable[..., object]) -> None:
    api, script = client(reply(429, {}, retry_after="0"), reply(data=COUNTS))
    with pytest.raises(Withdrawn):
        call(api)
    assert len(script.requests) == 1


def test_a_try_that_may_have_been_carried_out_stays_unknown_when_it_is_withdrawn() -> None:
    api, script = client(httpx.ReadTimeout("slow"), reply(data=COUNTS))
    with pytest.raises(ApiError, match="it was stopped before it could be asked again") as caught:
        api.enroll("camp_1", LEADS, again=withdrawn)
    assert caught.value.sent
    assert len(script.requests) == 1
