"""Requests and answers: retries, rate, bounds, and nothing sent that must not be sent (design §6)."""

import logging
import re
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import SecretStr

from reconciler.diagnostics import ApiError, Interrupted, LeaseLostError, ReconcilerError, Withdrawn, error
from reconciler.leadterra.address import check_base_url, is_loopback
from reconciler.leadterra.answers import CHECK_KEY, NOT_LEADTERRA, Answer, Call, NotJson, read_json, refusal
from reconciler.leadterra.pace import Pace, retry_after
from reconciler.leadterra.redaction import Redactor
from reconciler.leadterra.retries import AttemptFailed, Tries, worth_another

if TYPE_CHECKING:
    import httpx

SIDE_BY_SIDE = 8
"""Requests under way at once, however many threads ask; a 429 slows them down."""

LARGEST_ANSWER = 32 * 1024 * 1024
CONNECT_TIMEOUT = 5.0
_FIRST_WAIT = 0.5
_HURRY = 3.0
_LONGEST_WAIT = 10.0


_ENDINGS = {Interrupted: "the run was told to end", Withdrawn: "it was stopped"}


class ReadOnlyError(RuntimeError):
    """A bug in this program: something that only reads tried to change something. Nothing was sent."""


class Transport:
    """Sends calls to one server, with its key. Safe to use from several threads; close it after use.

    `attempts` bounds the tries of one call, `max_wait` the seconds spent between them. `timeout` bounds the silence of
    the server, in seconds; one whole answer may take twice as long, connecting at most five.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        allow_writes: bool,
        pace: Pace,
        transport: "httpx.BaseTransport | None" = None,
        timeout: float = 30.0,
        attempts: int = 4,
        max_wait: float = 60.0,
        told: Callable[[str], None] | None = None,
        may_send: Callable[[float], None] | None = None,
    ) -> None:
        self.base_url = check_base_url(base_url)
        self._key = SecretStr(_checked(api_key))
        self.redactor = Redactor(api_key)
        self.allow_writes = allow_writes
        self._pace = pace
        self._timeout = timeout
        self._attempts = attempts
        self._max_wait = max_wait
        self._told = told or _nobody
        self._may_send = may_send
        self._under_way = threading.BoundedSemaphore(SIDE_BY_SIDE)
        _silence_libraries()
        self._http = _http_client(self.base_url, timeout, transport)

    def __repr__(self) -> str:
        return f"Transport({self.base_url!r}, allow_writes={self.allow_writes})"

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(self, call: Call) -> Answer:
        """Send a call, again where design §6 allows it, and return its successful JSON answer.

        Raises `ApiError` where there is none, `Interrupted` where the run was told to end during a wait, and
        `ReadOnlyError` before anything leaves where writing is not allowed.
        """
        if call.method != "GET" and not self.allow_writes:
            raise ReadOnlyError(f"{call.label}: this client may only read")
        tries = Tries(call, self._pace, self._max_wait, self._told)
        outcome = self._try(call, tries)
        if isinstance(outcome, AttemptFailed):
            raise self._given_up(call, tries, outcome)
        if not 200 <= outcome.status < 300:  # noqa: PLR2004 - success, as HTTP defines it
            raise refusal(outcome, sent=tries.may_be_carried_out)
        if isinstance(outcome.data, NotJson):
            kind = self.redactor.text(outcome.content_type) or "no content type"
            raise outcome.unclear(f"answered {outcome.status} with {kind} instead of JSON", hint=NOT_LEADTERRA)
        return outcome

    def _try(self, call: Call, tries: Tries) -> Answer | AttemptFailed:
        import stamina

        first_wait = min(_FIRST_WAIT, self._max_wait / 2 ** min(self._attempts, 16))
        why = ""
        try:
            for attempt in stamina.retry_context(
                on=tries.judge,
                attempts=self._attempts,
                timeout=None,
                wait_initial=first_wait,
                wait_max=_LONGEST_WAIT,
                wait_jitter=0,
            ):
                tries.begin(attempt)
                if call.again is not None and (tries.made > 1 or tries.waited_long):
                    call.again()
                with attempt:
                    return self._once(call)
        except AttemptFailed as failure:
            return failure
        except (Interrupted, LeaseLostError, Withdrawn) as ending:
            if not tries.may_be_carried_out or call.method == "GET":
                raise
            why = str(ending) if isinstance(ending, LeaseLostError) else _ENDINGS[type(ending)]
        what = f"{tries.last_failure}, and {why} before it could be asked again"
        return AttemptFailed("api-lost-answer", what, carried_out=True)

    def _once(self, call: Call) -> Answer:
        failure: AttemptFailed | None
        try:
            with self._under_way:
                answer, wait = self._exchange(call)
        except ReconcilerError:
            raise
        except Exception as problem:
            failure = self._understood(problem)
            if failure is None:
                raise
        else:
            failure = worth_another(answer, wait)
            if failure is None:
                self._pace.went_well()
                return answer
        raise failure

    def _exchange(self, call: Call) -> tuple[Answer, float | None]:
        request = self._http.build_request(
            call.method,
            self.base_url + call.path,
            content=call.content,
            headers={**call.headers, "Authorization": f"Bearer {self._key.get_secret_value()}"},
            timeout=min(_HURRY, self._timeout) if call.hurried else self._http.timeout,
        )
        started = time.monotonic()
        if self._may_send is not None:
            self._may_send(self._timeout)
        response = self._http.send(request, stream=True, follow_redirects=False)
        try:
            content = self._read(call, response, started)
        finally:
            response.close()
        kind = response.headers.get("content-type", "")
        answer = Answer(
            call=call,
            status=response.status_code,
            data=read_json(content, kind),
            redactor=self.redactor,
            content_type=kind,
            location=response.headers.get("location", ""),
        )
        return answer, retry_after(response.headers.get("retry-after"))

    def _read(self, call: Call, response: "httpx.Response", started: float) -> bytes:
        import httpx

        content = bytearray()
        for part in response.iter_bytes():
            content += part
            if len(content) > LARGEST_ANSWER:
                what = call.lost(f"the answer is larger than {LARGEST_ANSWER // 1024 // 1024} MB")
                raise ApiError(error("api-answer", what, hint=NOT_LEADTERRA), status=response.status_code)
            if time.monotonic() - started > 2 * self._timeout:
                raise httpx.ReadTimeout("the answer comes too slowly")
        return bytes(content)

    def _understood(self, problem: Exception) -> AttemptFailed | None:
        import httpx

        match problem:
            case httpx.ConnectTimeout() | httpx.PoolTimeout():
                return AttemptFailed("api-unreachable", "no connection in time", carried_out=False)
            case httpx.ConnectError() if "CERTIFICATE_VERIFY_FAILED" in str(problem):
                what = "the certificate of the server is not trusted"
                return AttemptFailed("api-unreachable", what, carried_out=False, hopeless=True)
            case httpx.ConnectError() | httpx.ProxyError():
                what = f"no connection ({self.redactor.text(str(problem)) or type(problem).__name__})"
                return AttemptFailed("api-unreachable", what, carried_out=False)
            case httpx.TimeoutException():
                what = f"no complete answer in time ({self._timeout:g} s of silence at most)"
                return AttemptFailed("api-lost-answer", what, carried_out=True)
            case httpx.RequestError():
                what = "the connection was lost before the answer was complete"
                return AttemptFailed("api-lost-answer", what, carried_out=True)
            case _:
                return None

    def _given_up(self, call: Call, tries: Tries, failure: AttemptFailed) -> ApiError:
        what = failure.what + (f", tried {tries.made} times" if tries.made > 1 else "")
        if tries.refused_wait is not None:
            what += f"; it asks to wait {tries.refused_wait:,.0f} s, but one call may wait {self._max_wait:g} s in all"
        message = call.lost(what) if tries.may_be_carried_out else f"{call.label}: {what}."
        return ApiError(
            error(failure.code, message, hint=failure.hint),
            status=failure.status,
            sent=tries.may_be_carried_out,
        )


def _nobody(_words: str) -> None:
    """Tell nobody."""


def _checked(api_key: str) -> str:
    if re.fullmatch(r"[\x21-\x7e]+", api_key):
        return api_key
    what = "is empty" if not api_key.strip() else "contains white space or characters that no key has"
    raise ReconcilerError(error("api-unauthorized", f"The API key {what}.", hint=CHECK_KEY))


def _http_client(base_url: str, timeout: float, transport: "httpx.BaseTransport | None") -> "httpx.Client":
    """Make the client. Proxies of the environment are for https only: on the way of http they could read the key."""
    import httpx

    try:
        return httpx.Client(
            transport=transport,
            # Reading the system's certificates takes longer than a call; plain http, on this machine only, needs none.
            verify=base_url.startswith("https:"),
            timeout=httpx.Timeout(timeout, connect=min(timeout, CONNECT_TIMEOUT)),
            headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "campaign-reconciler"},
            follow_redirects=False,
            trust_env=not is_loopback(httpx.URL(base_url).host),
        )
    except (ImportError, OSError, ValueError, httpx.InvalidURL):
        failure = error(
            "api-unreachable",
            "The proxy or the certificates that the environment asks for cannot be used.",
            hint="Look at HTTPS_PROXY and ALL_PROXY (http:// or https:// only), SSL_CERT_FILE and SSL_CERT_DIR.",
        )
    raise ReconcilerError(failure)


_silence = threading.Lock()


def _silence_libraries() -> None:
    """Keep the libraries' own logs out: they tell headers and addresses, and what matters is in our errors."""
    import stamina.instrumentation

    with _silence:
        stamina.instrumentation.set_on_retry_hooks(())
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
