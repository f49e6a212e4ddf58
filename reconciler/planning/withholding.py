"""A plan without what sends email: for a run that may not send, before one that may (`apply --no-send`)."""

from reconciler.model.plan import Action, ActionStatus, Effect, Plan, PlannedCampaign

REASON = "it sends email, and this run may not (--no-send): it is left to the next one"


def without_sending(plan: Plan) -> Plan:
    """Return the plan in which nothing that sends email is ready: it waits for another run, as something scheduled.

    What was approved is not changed by that: digests do not cover whether something is ready.
    """
    left = {action.campaign for action in plan.actions if _sends(action)}
    actions = tuple(_left(action) if _sends(action) else action for action in plan.actions)
    campaigns = tuple(_unsent(item) if item.key in left else item for item in plan.campaigns)
    scheduled = len({action.campaign for action in actions if action.status is ActionStatus.SCHEDULED})
    summary = plan.summary.model_copy(update={"scheduled": scheduled, "new_recipients": 0})
    return plan.model_copy(update={"actions": actions, "campaigns": campaigns, "summary": summary})


def _sends(action: Action) -> bool:
    return action.effect is Effect.IRREVERSIBLE and action.status is ActionStatus.READY


def _unsent(campaign: PlannedCampaign) -> PlannedCampaign:
    people = campaign.people
    later = people.model_copy(update={"receive": 0, "held": people.held + people.receive})
    return campaign.model_copy(update={"people": later})


def _left(action: Action) -> Action:
    return action.model_copy(update={"status": ActionStatus.SCHEDULED, "reason": REASON})
