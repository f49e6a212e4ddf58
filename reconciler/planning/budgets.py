"""How much one apply may do: to how many people it may newly write, and how many campaigns it may let go (design §3).

A budget is lifted by name and amount only: by an allowance in `workspace.yaml`, which ends by itself, or by `--allow`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from reconciler.diagnostics import Diagnostic, SourceRange, note
from reconciler.model.workspace import Allowance, Budget, Policy

_SUGGESTED = timedelta(days=7)
"""How long the allowance holds that the words propose."""

_POLICY_KEYS = {Budget.NEW_RECIPIENTS: "maxNewRecipients", Budget.FORGETS: "maxForgets"}
_ALLOW_KEYS = {Budget.NEW_RECIPIENTS: "newRecipients", Budget.FORGETS: "forgets"}
_COUNTED = {Budget.NEW_RECIPIENTS: ("person", "people"), Budget.FORGETS: ("campaign", "campaigns")}
_OVER = {
    Budget.NEW_RECIPIENTS: "{} in all would get a first email, and one apply may newly write to {}",
    Budget.FORGETS: "{} in all would no longer be managed, and one apply may let go of {}",
}


@dataclass(frozen=True, slots=True)
class Limit:
    """The amount that holds at a moment, and in `source` where it comes from. `proposal` is the day to propose."""

    budget: Budget
    amount: int
    source: str
    proposal: str


@dataclass(frozen=True, slots=True)
class Spending:
    """What a plan, or a run so far, takes of a budget: `total` counts what is asked about, too."""

    total: int
    limit: Limit

    @property
    def fits(self) -> bool:
        """Whether it is within the limit."""
        return self.total <= self.limit.amount

    def words(self) -> str:
        """Say the total and the limit; over it, also where that comes from and both ways to lift it."""
        total, limit = self.total, self.limit
        if self.fits:
            return f"{total:,} of {limit.amount:,} {limit.budget.value.replace('-', ' ')}"
        one, many = _COUNTED[limit.budget]
        told = _OVER[limit.budget].format(f"{total:,} {one if total == 1 else many}", f"{limit.amount:,}")
        entry = f'{{{_ALLOW_KEYS[limit.budget]}: {total}, until: {limit.proposal}, reason: "…"}}'
        return (
            f"{told} ({limit.source}): if that is meant, run it with `--allow {limit.budget.value}={total}`, "
            f"or write `allow: [{entry}]` into workspace.yaml"
        )


@dataclass(frozen=True, slots=True)
class Budgets:
    """The budgets of one run: the policy's, and what lifts them. `lifted` is what `--allow` says."""

    policy: Policy
    allowances: tuple[Allowance, ...] = ()
    lifted: Mapping[Budget, int] = field(default_factory=dict)

    def limit(self, budget: Budget, now: datetime) -> Limit:
        """Return the largest of policy, allowances in force, and `--allow`; of equal ones, the first of these."""
        policy = {
            Budget.NEW_RECIPIENTS: self.policy.max_new_recipients,
            Budget.FORGETS: self.policy.max_forgets,
        }
        found = [(policy[budget], f"policy.{_POLICY_KEYS[budget]}")]
        found += [
            (item.amount, f"`allow` at {_place(item)}, until {item.until}")
            for item in self.allowances
            if item.budget is budget and not self._expired(item, now)
        ]
        if budget in self.lifted:
            found.append((self.lifted[budget], "--allow"))
        amount, source = max(found, key=lambda item: item[0])
        proposal = now.astimezone(ZoneInfo(self.policy.timezone)).date() + _SUGGESTED
        return Limit(budget, amount, source, str(proposal))

    def expired_notes(self, now: datetime) -> list[Diagnostic]:
        """Tell the allowances that no longer count."""
        return [
            note(
                "allowance-expired",
                f"the allowance of {item.amount:,} {item.budget.value.replace('-', ' ')} expired on "
                f"{item.until:%a} {item.until.day} {item.until:%b %Y} and does not count",
                hint="take it out of `allow`, or give it a later `until`",
                at=SourceRange(file=item.file, line=item.line),
            )
            for item in self.allowances
            if self._expired(item, now)
        ]

    def _expired(self, allowance: Allowance, now: datetime) -> bool:
        """Compare days: an allowance holds to the end of its last one."""
        return now.astimezone(ZoneInfo(self.policy.timezone)).date() > allowance.until


def _place(allowance: Allowance) -> str:
    return allowance.file if allowance.line is None else f"{allowance.file}:{allowance.line}"
