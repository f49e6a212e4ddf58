"""Hand-made forecasts: a usual week, a backlog, many days, many campaigns."""

from datetime import date, timedelta

from reporting.situations import monday

from reconciler.model.plan import ForecastDay, Plan, Sending

FIRST = date(2026, 11, 30)
NOT_COUNTED = ("campaigns outside this repository (seen only in what is left today)",)


def day(number: int, capacity: int, due: dict[str, int], *, over: int = 0) -> ForecastDay:
    """Make a day that sends what is due, less what rolls over, which is the last campaign's."""
    sent = dict(due)
    if over:
        sent[list(due)[-1]] -= over
    total = sum(sent.values())
    when = (FIRST + timedelta(days=number)).isoformat()
    return ForecastDay(
        day=number, date=when, capacity=capacity, due=total + over, sent=total, rolled_over=over, campaigns=sent
    )


def week() -> tuple[ForecastDay, ...]:
    """Make the days of the mock, and one that is full."""
    return (
        day(0, 1353, {"vp-sales-q3": 142}),
        day(1, 1710, {"cfo-pricing": 212, "de-hr": 1710}, over=212),
        day(2, 1710, {"de-hr": 212}),
        day(3, 1710, {"vp-sales-q3": 142}),
        day(4, 1710, {"cfo-pricing": 212, "de-hr": 1400}),
    )


def long() -> tuple[ForecastDay, ...]:
    """Make three weeks with pauses between the steps."""
    due = {0: 142, 1: 900, 2: 1, 7: 142, 8: 1710, 9: 300, 10: 5, 11: 6, 12: 7, 13: 8, 14: 9, 15: 10, 18: 142}
    return tuple(day(number, 1710, {"vp-sales-q3": due[number]} if number in due else {}) for number in range(19))


def crowd() -> tuple[ForecastDay, ...]:
    """Make days of nine campaigns, and a backlog many times the room."""
    names = [f"campaign-{number}" for number in range(9)]
    today = day(0, 500, {name: 10 * (9 - number) for number, name in enumerate(names)})
    return (today, day(1, 500, {"campaign-0": 9_500}, over=9_000), day(2, 0, {"campaign-0": 9_000}, over=9_000))


def planned(days: tuple[ForecastDay, ...]) -> Plan:
    """Make the plan of the mock, with these days."""
    sending = {
        "vp-sales-q3": Sending(first="2026-11-30", last="2026-12-03", emails=284),
        "de-hr": Sending(first="2026-12-01", last="2026-12-11", emails=2800, lost=1),
        "cfo-pricing": Sending(first="2026-12-01", emails=636, left=212),
    }
    plan = monday()
    campaigns = tuple(item.model_copy(update={"sending": sending.get(item.key)}) for item in plan.campaigns)
    return plan.model_copy(update={"forecast": days, "not_counted": NOT_COUNTED, "campaigns": campaigns})
