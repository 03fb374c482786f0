"""The publisher: drains the outbox, so that each intent becomes visible on its network effectively once.

Belongs here: the order of the steps, what each answer of a network means, waiting.
Does not belong here: the transactions behind the steps (`sending.py`), anything about one network (platforms).

The steps of an intent: take up (check everything) -> prepare -> persist -> stage -> persist ... -> announce the commit (check everything again, in
the same transaction) -> commit, one call -> persist the receipt. A process may die between any two of them. Before the
announcement nothing is visible and the steps are taken again. After it the post may be visible, so the network is read first: it is
adopted if it is there, committed again only where the network's state proves that it is not there or its native key makes a
second commit a no-op, and otherwise left to a person.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import ParamSpec, TypeVar

import structlog

from contracts.errors import ErrorClass, NetworkError, NotReadyError
from contracts.networks import Network
from contracts.ports import Connector, DrainReport, Networks
from contracts.records import PublishRequest, Receipt, Reconciliation, Staging
from operations.lanes import Lanes
from operations.machine import MachineTime, SystemMachineTime
from operations.naming import Unnamed
from operations.sending import Lease, Refusal, Sending, Turn
from operations.states import IntentState, LeaseLostError, ParkReason
from operations.store import SqlStore

P = ParamSpec("P")
T = TypeVar("T")

LANES_PER_NETWORK = 4
"""Accounts of one network that one publisher works on at once: with answers that take half a second, some twenty posts a second over nine
networks, which is about what the store's side of one process does. More would only wait for each other; for more, start a second worker."""

log = structlog.get_logger(__name__)

_DUPLICATE_CLAIMED = "duplicate"
"""Reason code of an unanswered commit to which the network said that it has the post already."""


_NOT_OUT = frozenset({"parked", "failed", "missed"})
"""Outcomes after which a post does not go out by itself."""


@dataclass(frozen=True)
class RetryPlan:
    """How long to wait between fruitless tries, and after how many to give up. Machine seconds."""

    base_seconds: float = 1.0
    cap_seconds: float = 600.0
    max_tries: int = 12
    """Tries of a step that writes nothing visible, or of a commit that the network refused for the moment."""
    max_readings: int = 8
    """Answered readings, after each commit, of a network that cannot tell whether it landed. Past the last one the intent is parked, or, where
    the network refuses a second post of the same text, sent again."""
    rate_seconds: float = 60.0
    """Wait after a rate limit that names no time."""

    def wait(self, tries: int) -> float:
        """Seconds before the next try after `tries` fruitless ones: doubling, capped."""
        return float(min(self.base_seconds * 2 ** min(tries, 30), self.cap_seconds))


class OutboxPublisher:
    """Implements contracts.ports.Publisher.

    Accounts are worked on side by side, up to `concurrency` of each network, the intents of one account in the order of their slots.
    `lease_seconds` must exceed any one call to a network; a call is broken off well before, and a commit that was broken off counts as unanswered.
    """

    def __init__(
        self,
        store: SqlStore,
        networks: Networks,
        *,
        lease_seconds: float = 60.0,
        concurrency: int = LANES_PER_NETWORK,
        patience_seconds: float = 5.0,
        retries: RetryPlan | None = None,
        machine: MachineTime | None = None,
    ) -> None:
        self._networks = networks
        self._machine = machine or SystemMachineTime()
        self._sending: Sending = store.sending(machine=self._machine, lease_seconds=lease_seconds)
        # One thread: its own transactions never wait for each other's locks.
        self._aside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="outbox")
        self._naming = store.naming(machine=self._machine)
        self._call_seconds = lease_seconds * 0.75
        self._concurrency = concurrency
        self._patience_seconds = patience_seconds
        self._retries = retries or RetryPlan()

    def due(self) -> int:
        return self._sending.due() + self._naming.due()

    def drain(self, *, limit: int = 100) -> DrainReport:
        """One pass over the outbox: at most `limit` intents, waiting no longer than `patience_seconds` for any of them.

        Must not be called from a running event loop (use `drain_async` there).
        """
        return asyncio.run(self.drain_async(limit=limit))

    async def drain_async(self, *, limit: int = 100) -> DrainReport:
        """See `drain`. An unexpected error in one account's lane is raised after the other lanes are done."""
        tally = _Tally(limit)
        found = await self._look(tally)
        if found.accounts or found.unnamed:
            async with self._networks.open() as connectors, Lanes(self._concurrency) as lanes:
                self._begin(lanes, found, connectors, tally)
        return tally.report()

    async def work(
        self, stopped: asyncio.Event, *, interval_seconds: float, tell: Callable[[DrainReport], None]
    ) -> None:
        """Drain as intents fall due, until stopped; what is under way then is finished.

        Every `interval_seconds` it looks for lanes with something to do, and `tell` hears what came of the last ones. A lane begins as soon as its
        network has a place, however long others still take. An unexpected error in one of them ends the work, after the other lanes are done.
        """
        tally = _Tally()
        async with self._networks.open() as connectors:
            async with Lanes(self._concurrency) as lanes:
                try:
                    while not (stopped.is_set() or lanes.has_failed):
                        self._begin(lanes, await self._look(tally), connectors, tally)
                        with suppress(TimeoutError):
                            async with asyncio.timeout(interval_seconds):
                                await stopped.wait()
                        tell(tally.report())
                        tally.start_afresh()
                finally:
                    tally.close()
            tell(tally.report())

    async def _look(self, tally: "_Tally") -> "_Found":
        """Let missed slots go; then what there is to do."""
        for intent_id, reason in await self._store(self._sending.expire):
            tally.settle(intent_id, "missed", reason)
        accounts = await self._store(self._sending.lanes, patience_seconds=self._patience_seconds)
        return _Found(accounts, await self._store(self._naming.waiting))

    async def _store(self, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """One transaction, aside from the event loop: however long the database makes it wait, the networks' answers are heard meanwhile."""
        return await asyncio.get_running_loop().run_in_executor(self._aside, partial(step, *args, **kwargs))

    def _begin(self, lanes: Lanes, found: "_Found", connectors: Mapping[Network, Connector], tally: "_Tally") -> None:
        for account_id, network in found.accounts:
            lanes.begin(account_id, network, partial(self._drain_lane, account_id, connectors[network], tally))
        for unnamed in found.unnamed:
            network = unnamed.account.network
            lanes.begin(unnamed.intent_id, network, partial(self._ask_for_name, unnamed, connectors[network], tally))

    async def _ask_for_name(self, unnamed: Unnamed, connector: Connector, tally: "_Tally") -> None:
        tally.named += await self._naming.ask(connector, unnamed, call_seconds=self._call_seconds)

    async def _drain_lane(self, account_id: str, connector: Connector, tally: "_Tally") -> None:
        """Work on one account until it has nothing more to do now. After an unexpected error its lease runs out by itself."""
        if tally.is_full or (lease := await self._store(self._sending.lease, account_id)) is None:
            return
        try:
            while (turn := await self._store(self._sending.next_turn, lease)) is not None:
                if not tally.takes(turn.intent_id):
                    break
                wait = self._wait(turn, connector)
                if wait > self._patience_seconds:
                    tally.settle(turn.intent_id, "deferred", turn.reason_code or "waits")
                    break
                if wait > 0:
                    await self._machine.sleep(wait)
                if turn.state is IntentState.COMMITTING:
                    await self._resolve(connector, lease, turn, tally)
                else:
                    await self._send(connector, lease, turn, tally)
        except LeaseLostError:
            # Another publisher has the lane by now; whatever was announced, it will read the network for.
            log.warning("lease_lost", account_id=account_id)
            return
        await self._store(self._sending.release, lease)

    def _wait(self, turn: Turn, connector: Connector) -> float:
        """Seconds until the turn may be worked on; reading for a lost answer waits until writes must have become readable."""
        if turn.committing_since is None:
            return turn.wait_seconds
        readable_at = turn.committing_since + timedelta(seconds=connector.capabilities.read_lag_seconds)
        return max(turn.wait_seconds, (readable_at - self._machine.now()).total_seconds())

    # --- sending -------------------------------------------------------------------------------------------------------

    async def _send(self, connector: Connector, lease: Lease, turn: Turn, tally: "_Tally") -> None:
        taken = await self._store(self._sending.take_up, lease, turn.intent_id)
        if isinstance(taken, Refusal):
            tally.refuse(turn.intent_id, taken)
            return
        request, kept = taken
        try:
            staging = await self._stage(connector, lease, turn, request, kept)
        except NetworkError as error:
            await self._not_staged(lease, turn, error, tally)
        else:
            await self._commit(connector, lease, turn, request, staging, tally)

    async def _stage(
        self, connector: Connector, lease: Lease, turn: Turn, request: PublishRequest, kept: Staging | None
    ) -> Staging:
        """All invisible steps, each persisted before the next; the last one with the announcement of the commit. What was kept from
        before is shown to the network once more, since it may have expired. Raises NetworkError."""
        staging = kept
        if staging is None:
            staging = connector.prepare(request)
            if not staging.is_complete:
                await self._store(self._sending.save_staging, lease, turn.intent_id, request, staging)
        is_fresh = kept is None
        while not (staging.is_complete and is_fresh):
            after = await self._asked(turn, connector.stage(request, staging))
            is_fresh = True
            if after != staging:
                staging = after
                if not staging.is_complete:
                    await self._store(self._sending.save_staging, lease, turn.intent_id, request, staging)
            elif not staging.is_complete:
                message = "the network is still preparing it"
                raise NetworkError(ErrorClass.TRANSIENT, message, network=turn.network.value)
        return staging

    async def _asked(self, turn: Turn, answer: Awaitable[T]) -> T:
        """An answer to a call that changes nothing visible, within the time of a call. Whatever goes wrong becomes a NetworkError."""
        network = turn.network.value
        try:
            async with asyncio.timeout(self._call_seconds):
                return await answer
        except NetworkError:
            raise
        except NotReadyError as error:  # the account has no credential
            raise NetworkError(ErrorClass.AUTH, str(error), network=network) from error
        except TimeoutError as error:
            raise NetworkError(ErrorClass.TRANSIENT, "no answer within the time of a call", network=network) from error
        except Exception as error:
            # One unreadable picture or answer must not hold up its account for ever: it is tried again and parked in the end.
            log.exception("call_failed", intent_id=turn.intent_id)
            message = f"{type(error).__name__}: {error}"
            raise NetworkError(ErrorClass.TRANSIENT, message, network=network) from error

    async def _commit(
        self,
        connector: Connector,
        lease: Lease,
        turn: Turn,
        request: PublishRequest,
        staging: Staging,
        tally: "_Tally",
        *,
        is_repeat: bool = False,
    ) -> None:
        """Announce, call once, record. Every answer that is not clear leaves the intent announced; so does every refusal of a repeat, which
        says nothing about the call before it."""
        if not await self._store(self._sending.announce_commit, lease, turn.intent_id, request, staging):
            tally.settle(turn.intent_id, "deferred", "it may not be sent now")
            return
        try:
            async with asyncio.timeout(self._call_seconds):
                receipt = await connector.commit(request, staging)
        except NetworkError as error:
            if is_repeat:
                await self._repeat_refused(connector, lease, turn, error, tally)
            else:
                await self._not_committed(connector, lease, turn, error, tally)
        except TimeoutError:
            await self._unanswered(connector, lease, turn, "no answer within the time of a call", tally)
        except Exception as error:  # whatever went wrong while an answer was read, the call was made
            log.exception("commit_answer_unreadable", intent_id=turn.intent_id)
            await self._unanswered(connector, lease, turn, f"{type(error).__name__} while reading the answer", tally)
        else:
            await self._published(turn, receipt, tally)

    async def _not_staged(self, lease: Lease, turn: Turn, error: NetworkError, tally: "_Tally") -> None:
        """A refusal before anything visible was asked for."""
        match error.error_class:
            case ErrorClass.TRANSIENT | ErrorClass.AMBIGUOUS:
                await self._try_again(lease, turn, str(error), tally)
            case ErrorClass.DUPLICATE:
                await self._store(
                    self._sending.suspect, lease, turn.intent_id, code=_DUPLICATE_CLAIMED, reason=str(error)
                )
                tally.settle(turn.intent_id, "deferred", str(error))
            case _:
                await self._refused(lease, turn, error, tally)

    async def _not_committed(
        self, connector: Connector, lease: Lease, turn: Turn, error: NetworkError, tally: "_Tally"
    ) -> None:
        """A refusal of the commit call."""
        match error.error_class:
            case ErrorClass.AMBIGUOUS:
                await self._unanswered(connector, lease, turn, str(error), tally)
            case ErrorClass.DUPLICATE:
                await self._unanswered(connector, lease, turn, str(error), tally, code=_DUPLICATE_CLAIMED)
            case ErrorClass.TRANSIENT:
                await self._try_again(lease, turn, str(error), tally)
            case _:
                await self._refused(lease, turn, error, tally)

    async def _repeat_refused(
        self, connector: Connector, lease: Lease, turn: Turn, error: NetworkError, tally: "_Tally"
    ) -> None:
        """A refusal of a second commit: the first may have landed all the same, so the intent is read again."""
        if error.error_class in (ErrorClass.AUTH, ErrorClass.SCOPE, ErrorClass.RATE):
            await self._refused(lease, turn, error, tally, is_unwritten=False)
        else:
            await self._unanswered(connector, lease, turn, str(error), tally)

    async def _refused(
        self, lease: Lease, turn: Turn, error: NetworkError, tally: "_Tally", *, is_unwritten: bool = True
    ) -> None:
        """A clear refusal. `is_unwritten` is false while an earlier commit is still unanswered."""
        match error.error_class:
            case ErrorClass.AUTH | ErrorClass.SCOPE:
                reason = f"connect the account again: {error}"
                await self._store(
                    self._sending.pause_lane, lease, turn.intent_id, reason=reason, is_unwritten=is_unwritten
                )
                tally.settle(turn.intent_id, "parked", reason)
            case ErrorClass.RATE:
                until = error.retry_at or self._machine.now() + timedelta(seconds=self._retries.rate_seconds)
                await self._store(
                    self._sending.defer_lane,
                    lease,
                    turn.intent_id,
                    until=until,
                    reason=str(error),
                    is_unwritten=is_unwritten,
                )
                tally.settle(turn.intent_id, "deferred", str(error))
            case _:
                await self._store(self._sending.fail, lease, turn.intent_id, reason=str(error))
                tally.settle(turn.intent_id, "failed", str(error))

    async def _try_again(self, lease: Lease, turn: Turn, reason: str, tally: "_Tally") -> None:
        """Nothing was written: wait and try again, up to the bound."""
        if turn.tries + 1 >= self._retries.max_tries:
            reason = f"gave up after {turn.tries + 1} tries: {reason}"
            await self._store(self._sending.park, lease, turn.intent_id, code=ParkReason.EXHAUSTED, reason=reason)
            tally.settle(turn.intent_id, "parked", reason)
            return
        wait = self._retries.wait(turn.tries)
        await self._store(
            self._sending.try_later,
            lease,
            turn.intent_id,
            code="transient",
            reason=reason,
            wait_seconds=wait,
            is_unwritten=True,
        )
        tally.settle(turn.intent_id, "deferred", reason)

    async def _published(self, turn: Turn, receipt: Receipt, tally: "_Tally") -> None:
        await self._store(self._sending.record_receipt, turn.intent_id, receipt)
        outcome = "reconciled" if receipt.how == "reconciled" else "published"
        tally.settle(turn.intent_id, outcome, receipt.permalink or receipt.native_id)

    # --- unanswered commits --------------------------------------------------------------------------------------------

    async def _unanswered(
        self,
        connector: Connector,
        lease: Lease,
        turn: Turn,
        reason: str,
        tally: "_Tally",
        *,
        code: str = "unanswered",
    ) -> None:
        """The commit may have landed. The intent stays announced; reading it waits for the network's read lag."""
        await self._store(
            self._sending.try_later,
            lease,
            turn.intent_id,
            code=code,
            reason=reason,
            wait_seconds=connector.capabilities.read_lag_seconds,
            is_unwritten=False,
        )
        tally.settle(turn.intent_id, "deferred", reason)

    async def _resolve(self, connector: Connector, lease: Lease, turn: Turn, tally: "_Tally") -> None:
        """Learn what became of an announced commit, and act on it."""
        if turn.request is None or turn.staging is None:
            raise AssertionError("An announced commit has its request and its staging on record.")
        is_last, is_look = turn.looks + 1 >= self._retries.max_readings, True
        try:
            found = await self._asked(turn, self._read(connector, turn.request, turn.staging))
        except NetworkError as error:
            if error.error_class in (ErrorClass.AUTH, ErrorClass.SCOPE, ErrorClass.RATE):
                await self._refused(lease, turn, error, tally, is_unwritten=False)
                return
            found = Reconciliation(outcome="undecided", evidence=f"reading the network failed: {error}")
            # Trouble that passes: more patience than with a network that cannot tell.
            is_last, is_look = turn.tries >= self._retries.max_tries, False

        if found.outcome == "published" and found.receipt is not None:
            await self._published(turn, found.receipt, tally)
        elif turn.reason_code == _DUPLICATE_CLAIMED:
            await self._resolve_claimed_duplicate(lease, turn, found, tally, is_last=is_last, is_look=is_look)
        elif found.outcome == "not_published":
            await self._not_published(lease, turn, found.evidence, tally)
        elif not is_last and (found.is_repeat_harmless or self._is_repeat_harmless(connector, turn)):
            await self._commit(connector, lease, turn, turn.request, turn.staging, tally, is_repeat=True)
        elif found.outcome == "absent" and is_last and self._has_guard(connector, turn):
            # Every reading past the lag showed nothing, and should they all be wrong, the network's own guard refuses the second one.
            await self._not_published(lease, turn, found.evidence, tally)
        else:
            code = ParkReason.UNDECIDED
            await self._wait_or_park(lease, turn, code, found.evidence, tally, is_last=is_last, is_look=is_look)

    @staticmethod
    def _has_guard(connector: Connector, turn: Turn) -> bool:
        """The network refuses a second post of the same text; what it does with answers is not known."""
        return connector.capabilities.refuses_duplicates and not turn.is_reply

    async def _resolve_claimed_duplicate(
        self, lease: Lease, turn: Turn, found: Reconciliation, tally: "_Tally", *, is_last: bool, is_look: bool
    ) -> None:
        """The network says that it has this text already, and no post that could be this intent's is to be seen: then it means an earlier one,
        or shows this one late."""
        is_claimed = turn.request is not None and turn.request.claimed_native_ids
        if found.outcome in ("absent", "not_published") and is_claimed and is_last:
            reason = "The network refuses to publish the same text again: change it, or wait. " + found.evidence
            await self._store(self._sending.fail, lease, turn.intent_id, reason=reason)
            tally.settle(turn.intent_id, "failed", reason)
        else:
            code = ParkReason.UNFINDABLE_DUPLICATE
            await self._wait_or_park(lease, turn, code, found.evidence, tally, is_last=is_last, is_look=is_look)

    async def _read(self, connector: Connector, request: PublishRequest, staging: Staging) -> Reconciliation:
        """What the network shows of an announced commit."""
        return await connector.find_published(request, staging)

    def _is_repeat_harmless(self, connector: Connector, turn: Turn) -> bool:
        """A second commit is a no-op by the network's native key."""
        capabilities = connector.capabilities
        return capabilities.is_reply_idempotent if turn.is_reply else capabilities.is_commit_idempotent

    async def _not_published(self, lease: Lease, turn: Turn, evidence: str, tally: "_Tally") -> None:
        if turn.tries >= self._retries.max_tries:
            reason = f"gave up after {turn.tries} tries: {evidence}"
            await self._store(self._sending.park, lease, turn.intent_id, code=ParkReason.EXHAUSTED, reason=reason)
            tally.settle(turn.intent_id, "parked", reason)
        else:
            await self._store(self._sending.reopen, lease, turn.intent_id, evidence=evidence)

    async def _wait_or_park(
        self,
        lease: Lease,
        turn: Turn,
        code: ParkReason,
        evidence: str,
        tally: "_Tally",
        *,
        is_last: bool,
        is_look: bool,
    ) -> None:
        """Look again later, a bounded number of times; then a person has to."""
        if is_last:
            await self._store(self._sending.park, lease, turn.intent_id, code=code, reason=evidence)
            tally.settle(turn.intent_id, "parked", evidence)
            return
        reason_code = _DUPLICATE_CLAIMED if code is ParkReason.UNFINDABLE_DUPLICATE else "unanswered"
        await self._store(
            self._sending.try_later,
            lease,
            turn.intent_id,
            code=reason_code,
            reason=evidence,
            wait_seconds=self._retries.wait(turn.tries),
            is_unwritten=False,
            is_look=is_look,
        )
        tally.settle(turn.intent_id, "deferred", evidence)


@dataclass(frozen=True)
class _Found:
    """What there is to do: accounts with something due, the longest waiting first, and receipts whose post has no id yet."""

    accounts: list[tuple[str, Network]]
    unnamed: tuple[Unnamed, ...]


class _Tally:
    """Counts each intent of a drain once, by what became of it last."""

    _REFUSED = {  # noqa: RUF012
        IntentState.PENDING: "deferred",
        IntentState.MISSED: "missed",
        IntentState.CANCELLED: "cancelled",
        IntentState.FAILED: "failed",
        IntentState.PARKED: "parked",
        IntentState.PUBLISHED: "published",
        IntentState.COMMITTING: "deferred",
    }

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._is_closed = False
        self._taken: set[str] = set()
        self._outcomes: dict[str, tuple[str, str]] = {}
        self.named = 0

    @property
    def is_full(self) -> bool:
        """Whether no intent may be begun any more."""
        return self._is_closed or (self._limit is not None and len(self._taken) >= self._limit)

    def takes(self, intent_id: str) -> bool:
        """Whether the drain may still work on this intent: one that it has begun, or a new one within the limit."""
        if intent_id not in self._taken and self.is_full:
            return False
        self._taken.add(intent_id)
        return True

    def close(self) -> None:
        """Begin nothing any more."""
        self._is_closed = True

    def start_afresh(self) -> None:
        """Forget what was counted."""
        self._taken.clear()
        self._outcomes.clear()
        self.named = 0

    def settle(self, intent_id: str, outcome: str, why: str) -> None:
        self._outcomes[intent_id] = (outcome, why)
        if outcome in _NOT_OUT:
            log.warning("post_not_out", intent_id=intent_id, outcome=outcome, reason=why)

    def refuse(self, intent_id: str, refusal: Refusal) -> None:
        self.settle(intent_id, self._REFUSED[refusal.becomes], refusal.reason)

    def report(self) -> DrainReport:
        counts = Counter(outcome for outcome, _ in self._outcomes.values())
        details = tuple(f"{intent_id}: {outcome}: {why}" for intent_id, (outcome, why) in self._outcomes.items())
        return DrainReport(**counts, named=self.named, details=details)
