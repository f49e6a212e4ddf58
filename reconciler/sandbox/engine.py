"""The sandbox without HTTP: every call of the API and every control as a method on the database."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from reconciler.sandbox import bodies, campaigns, clock, delivery, faults, hooks, inbox, mail, pools, sending, traffic
from reconciler.sandbox.database import Database
from reconciler.sandbox.errors import invalid
from reconciler.sandbox.options import DEFAULT_OPTIONS, server_of
from reconciler.sandbox.records import milliseconds, moment_of, stamp

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from reconciler.sandbox import records
    from reconciler.sandbox.campaigns import Counter
    from reconciler.sandbox.options import SandboxOptions


def utc_now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


class Sandbox:
    """One workspace in a SQLite file, which may be shared with other threads and processes.

    Every method is one transaction, or part of that of the ``exchange`` around it. Refusals raise
    ``errors.ApiError`` as the API would answer them, and change nothing. A fresh file holds the pools of the worked
    example (leadterra-api.md). ``clock`` is the time without what the virtual clock was moved by; it must return
    moments that know their zone: where they do not, ValueError is raised.
    """

    def __init__(
        self,
        database: Path,
        options: SandboxOptions = DEFAULT_OPTIONS,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.options = options
        self.clock = clock
        self._database = Database(database, self._seed)

    def _seed(self, db: sqlite3.Connection) -> None:
        clock.create(db, self.clock())
        pools.replace_pools(db, pools.WORKED_EXAMPLE, self._milliseconds(db))

    # Time.

    def now(self) -> datetime:
        """Return the time of the sandbox, in UTC and whole milliseconds; it never goes back."""
        with self._database.read() as db:
            return moment_of(self._milliseconds(db))

    def advance(self, delta: timedelta) -> datetime:
        """Move the clock on, send what can be sent until then, hand it over, and return the new time.

        What cannot be handed over waits for the next time. Raises ValueError for a way back, and for one further
        than ``clock.LONGEST``.
        """
        if not timedelta() <= delta <= clock.LONGEST:
            raise ValueError("the clock moves forward, and by at most ten years at once")
        with self._database.write() as db:
            given = self.clock()
            to = clock.now(db, given) + delta // timedelta(milliseconds=1)
            clock.move(db, given, to)
            delivery.settle(db, to)
        with suppress(OSError):
            self.hand_over()
        return moment_of(to)

    def settle(self) -> None:
        """Send what can be sent until now."""
        with self._database.write() as db:
            delivery.settle(db, self._milliseconds(db))

    def hand_over(self) -> None:
        """Tell webhooks what happened, and hand what was sent to the SMTP server, where there is one.

        Does nothing where another process or thread is at it: it goes on until nothing is left. Raises OSError where
        the SMTP server is away.
        """
        with self._database.read() as db:
            calls = hooks.waiting(db, self._milliseconds(db))
            mails = self.options.smtp is not None and mail.waiting(db) > 0
        if not (calls or mails):
            return
        # Not at the top: most of those who use the sandbox hand nothing over.
        import ssl

        from filelock import FileLock, Timeout

        with suppress(Timeout), FileLock(f"{self._database.path}.handover", timeout=0):
            if calls:
                trust = ssl.create_default_context(cafile=self.options.webhook_ca)
                hooks.call(self._database, self.options.key, lambda: milliseconds(self.now()), trust)
            if mails and self.options.smtp is not None:
                mail.hand_over(self._database, server_of(self.options.smtp))

    def waiting_mail(self) -> int:
        """Return how many messages have been sent and handed to no SMTP server yet."""
        with self._database.read() as db:
            return mail.waiting(db)

    def sent_count(self) -> int:
        """Return how many messages have been sent, of all campaigns."""
        with self._database.read() as db:
            return campaigns.sent_count(db)

    def _milliseconds(self, db: sqlite3.Connection) -> int:
        return clock.now(db, self.clock())

    @contextmanager
    def _seen(self) -> Iterator[sqlite3.Connection]:
        """Hold a view of the data as of now: where time passes by itself, with all that was sent until now."""
        if self.options.sending == "live":
            self.settle()
        with self._database.read() as db:
            yield db

    @contextmanager
    def _changed(self) -> Iterator[tuple[sqlite3.Connection, datetime]]:
        """Hold a transaction of this moment; where time passes by itself, what was to be sent before has been."""
        with self._database.write() as db:
            now = self._milliseconds(db)
            if self.options.sending == "live":
                delivery.settle(db, now)
            yield db, moment_of(now)

    # The calls of the API.

    def pools(self) -> tuple[records.Pool, ...]:
        """Return all pools."""
        with self._seen() as db:
            return pools.pools(db, self._milliseconds(db))

    def accounts(self) -> tuple[records.Account, ...]:
        """Return all sender accounts."""
        with self._seen() as db:
            return pools.accounts(db)

    def create(self, body: records.JsonObject, idempotency_key: str | None = None) -> records.Campaign:
        """Create a draft from a request body; raise 400 ``invalid_request``, 422 ``idempotency_key_reused``."""
        name, steps = bodies.name_of(body), bodies.steps_of(body)
        with self._changed() as (db, now):
            if idempotency_key is None:
                return campaigns.create(db, name, steps, stamp(now))
            return campaigns.create_once(db, idempotency_key, body, name, steps, stamp(now))

    def campaign(self, campaign_id: str) -> records.Campaign:
        """Return one campaign; raise 404 ``campaign_not_found``."""
        with self._seen() as db:
            return campaigns.campaign(db, campaign_id)

    def campaigns(self) -> tuple[records.Campaign, ...]:
        """Return all campaigns, oldest first."""
        with self._seen() as db:
            return campaigns.campaigns(db)

    def patch(self, campaign_id: str, body: records.JsonObject) -> records.Campaign:
        """Change ``name`` or ``sequenceSteps`` of a draft; raise 400 ``invalid_request`` or ``steps_frozen``, 404."""
        name, steps = self._changes(body)
        with self._changed() as (db, _):
            return campaigns.change_draft(db, campaign_id, name, steps)

    @staticmethod
    def _changes(body: records.JsonObject) -> tuple[str | None, tuple[records.Step, ...] | None]:
        name = bodies.name_of(body) if "name" in body else None
        return name, bodies.steps_of(body) if "sequenceSteps" in body else None

    def enroll(self, campaign_id: str, body: records.JsonObject) -> records.Enrolment:
        """Enrol the ``leads`` of a request body; raise 400 ``invalid_request``, 404, 422 ``invalid_leads``."""
        entries = bodies.lead_entries(body, self.options.bulk_max)
        with self._changed() as (db, now):
            return sending.enroll(db, campaign_id, entries, now)

    def start(self, campaign_id: str) -> records.Started:
        """Start or resume; raise 400 ``no_leads_enrolled`` or ``no_sequence_steps``, 404."""
        without_leads = self.options.start_without_leads == "run"
        with self._changed() as (db, now):
            return sending.start(db, campaign_id, now, without_leads=without_leads)

    def pause(self, campaign_id: str) -> records.Campaign:
        """Pause a running campaign; raise 404 ``campaign_not_found``."""
        with self._changed() as (db, now):
            return sending.pause(db, campaign_id, now)

    def stats(self, campaign_id: str) -> tuple[records.Campaign, records.Stats]:
        """Return a campaign and its counters, as of one moment; raise 404 ``campaign_not_found``."""
        with self._seen() as db:
            return campaigns.campaign(db, campaign_id), campaigns.stats(db, campaign_id)

    def replies(
        self, campaign_id: str | None = None, page: int = 1, per_page: int = inbox.PER_PAGE
    ) -> records.ReplyPage:
        """Return a page of replies, newest first; raise 404 ``campaign_not_found``, 422 ``invalid_page``."""
        with self._seen() as db:
            return inbox.replies(db, campaign_id, page, per_page)

    def suppress(self, body: records.JsonObject) -> records.Suppressed:
        """Suppress the ``emails`` of a request body; raise 400 ``invalid_request``."""
        emails = bodies.suppressions_of(body)
        with self._changed() as (db, now):
            return inbox.suppress(db, emails, stamp(now))

    def add_webhook(self, body: records.JsonObject) -> records.Webhook:
        """Register the webhook of a request body; raise 400 ``invalid_request``."""
        url, events = bodies.webhook_of(body)
        with self._changed() as (db, now):
            return hooks.add(db, url, events, stamp(now))

    # What the server keeps about the traffic itself.

    @contextmanager
    def exchange(self, kind: str, method: str, path: str, idempotency_key: str | None) -> Iterator[traffic.Exchange]:
        """Receive a request: count it for the faults of its kind, and log it as the exchange says when it is over.

        Everything this thread does until then is one transaction with the log, so that whatever dies when, a request
        that was carried out is logged as such. What is refused meanwhile is undone alone.
        """
        with self._database.write() as db:
            exchange = traffic.Exchange(kind, method, path, stamp(self.now()), idempotency_key, faults.meet(db, kind))
            yield exchange
            traffic.log(db, exchange)

    def wait_for_token(self, key: str) -> int | None:
        """Count a request of this key against the rate; return the seconds to wait where it is over it."""
        if self.options.rate_per_second is None:
            return None
        with self._database.write() as db:
            return traffic.wait_for_token(db, key, self.options.rate_per_second, self.now())

    # Controls: what tests and demonstrations do behind the back of the API.

    def add_fault(self, fault: faults.Fault) -> None:
        """Let calls go wrong from now on."""
        with self._database.write() as db:
            faults.add(db, fault)

    def clear_faults(self) -> None:
        """Let nothing go wrong any more."""
        with self._database.write() as db:
            faults.clear(db)

    def requests(self) -> tuple[records.Received, ...]:
        """Return every request received, refused and dropped ones included."""
        with self._database.read() as db:
            return traffic.received(db)

    def set_pools(self, specs: Sequence[records.PoolSpec]) -> None:
        """Put these pools in place of all others; a pool that keeps its name keeps its identifiers."""
        with self._changed() as (db, now):
            clock.settle(db, milliseconds(now))
            pools.replace_pools(db, specs, milliseconds(now))

    def set_counters(self, campaign_id: str, values: Mapping[Counter, int]) -> records.Stats:
        """Make the stats show these values from now on; what is counted later adds to them."""
        with self._changed() as (db, _):
            return campaigns.set_counters(db, campaign_id, values)

    def set_status(self, campaign_id: str, status: records.Status) -> records.Campaign:
        """Do what somebody does with a click in the dashboard; going to ``running`` sends, unchecked."""
        with self._changed() as (db, now):
            return sending.set_status(db, campaign_id, status, now)

    def edit_campaign(self, campaign_id: str, body: records.JsonObject) -> records.Campaign:
        """Do what somebody edits in the dashboard: ``name`` or ``sequenceSteps``, whatever the status."""
        name, steps = self._changes(body)
        with self._changed() as (db, now):
            clock.settle(db, milliseconds(now))
            return campaigns.change(db, campaign_id, name, steps)

    def delete_campaign(self, campaign_id: str) -> None:
        """Do what somebody deletes in the dashboard."""
        with self._changed() as (db, _):
            campaigns.delete(db, campaign_id)

    def leads(self, campaign_id: str) -> tuple[records.Lead, ...]:
        """Return the leads of a campaign in the order they were enrolled; raise 404."""
        with self._seen() as db:
            campaigns.campaign(db, campaign_id)
            return campaigns.leads(db, campaign_id)

    def messages(self, campaign_id: str) -> tuple[records.Message, ...]:
        """Return the messages of a campaign in the order they were queued; raise 404."""
        with self._seen() as db:
            campaigns.campaign(db, campaign_id)
            return campaigns.messages(db, campaign_id)

    def suppression_list(self) -> tuple[str, ...]:
        """Return the suppressed addresses."""
        with self._seen() as db:
            return inbox.suppression_list(db)

    def webhooks(self) -> tuple[records.Webhook, ...]:
        """Return the registered webhooks."""
        with self._database.read() as db:
            return hooks.registered(db)

    def add_reply(
        self,
        campaign_id: str,
        email: str,
        *,
        classification: str = "interested",
        snippet: str = "",
        received_at: datetime | None = None,
    ) -> records.Reply:
        """Let a lead reply, now or at ``received_at``; raise 404, and 400 where it is no lead of the campaign."""
        known = bodies.address(email)
        if known is None:
            raise invalid("email is not a valid address.")
        with self._changed() as (db, now):
            return inbox.add_reply(
                db,
                campaign_id,
                known,
                classification=classification,
                snippet=snippet,
                received_at=stamp(received_at or now),
                now=stamp(now),
            )
