"""How the earlier waves of a paced campaign went: too many bounces, or people who want no more, hold the next one."""

from reconciler.planning.facts import Facts, Verdict, people

UNSUBSCRIBE = "unsubscribe"
"""The class of such replies (leadterra-api.md, "Replies")."""


def is_healthy(facts: Facts) -> Verdict:
    """Check bounces and unsubscriptions against `policy.health`, as shares of the people that were reached."""
    if not facts.started or not facts.wave.earlier or not facts.wave.today:
        return None
    stats = facts.live.stats if facts.live else None
    if stats is not None and not stats.sent:
        return False, "the earlier waves have not gone out yet, so nobody knows how they were received"
    if stats is None or facts.replies is None or not facts.replies.complete:
        return False, "how the earlier waves went is not known: counters or replies could not be read"
    gone = sum(reply.classification == UNSUBSCRIBE for reply in facts.replies.found)
    policy = facts.policy
    # Each person counts once, however many steps they have got.
    reached = min(stats.sent, stats.total_enrolled)
    told = [
        f"{people(count)} {what} of {reached:,} reached ({_percent(count, reached)} %, at most {most:g} %)"
        for count, what, most in (
            (stats.bounced, "bounced", policy.max_bounce_rate),
            (gone, "unsubscribed", policy.max_unsubscribe_rate),
        )
        if count * 100 > most * reached
    ]
    if told:
        return False, (
            f"the earlier waves went badly: {'; '.join(told)}; clean the list up before more are enrolled, or raise "
            "`policy.health` on purpose"
        )
    return True, f"{stats.bounced:,} bounced and {gone:,} unsubscribed of {reached:,} reached"


def _percent(count: int, whole: int) -> str:
    return f"{100 * count / whole:.1f}" if whole else "100"
