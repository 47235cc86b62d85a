"""The engine's thread: obey, expire, schedule, compute, settle, hand out; then again.

It alone touches the scheduler and the runner. Others post commands, which are obeyed before the next step is
scheduled: so a cancelled request is gone within one step. Each step's pieces leave together.

A step that fails ends the requests in it and nobody else. When memory is short the step is taken back, the batch
shrinks and the work is scheduled again; when it cannot shrink, the largest request ends.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.engine.local.answer import Asked
from bot.engine.local.faults import is_out_of_memory, told
from bot.engine.local.mailbox import Mailbox
from bot.engine.local.recovery import Recovery
from bot.engine.local.register import Deliver, Register
from bot.engine.local.request import Request, Step
from bot.engine.local.runner import Drawn, Launched, Runner
from bot.engine.local.scheduler import InvariantError, Scheduler
from bot.engine.local.stats import Counts

_log = logging.getLogger(__name__)

_NOT_NUMBERS = (
    "The model computed no numbers for this request (NaN or infinity). Ask again; when it happens often, "
    'set engine.local.dtype to "float32" or "bfloat16", or check the model\'s files.'
)
_NO_MEMORY = (
    "There is not enough memory for this request, even with the smallest batch. Set engine.local.context_tokens or "
    "engine.local.cache_gb lower, or take a smaller model."
)
_NO_ROOM = "The engine found no room for this request though nothing else runs. Ask again with a shorter prompt."


@dataclass(slots=True)
class _Flight:
    """A step that is being computed."""

    step: Step
    launched: Launched
    began: float


class Worker:
    """One model's life of steps. `run` belongs to the engine's thread; what is posted to `mailbox` is run by it.

    `deliver` takes the pieces of a step and must not wait.
    """

    def __init__(
        self,
        runner: Runner,
        scheduler: Scheduler,
        *,
        deliver: Deliver,
        counts: Counts,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.mailbox = Mailbox()
        self.failing = 0
        """Steps that failed since the last one that did not."""
        self._runner, self._scheduler, self._counts, self._clock = runner, scheduler, counts, clock
        self._register = Register(scheduler, counts, deliver)
        self._recovery = Recovery(scheduler)
        self._closing = False

    # -- commands, by way of the mailbox ---------------------------------------------------------------
    def submit(self, asked: Asked) -> None:
        """Take a question. Its stream ends in `EngineBusy` when the queue is full."""
        self._register.enter(asked)

    def cancel(self, asked: Asked) -> None:
        """Nobody reads any more: its slots and blocks are free before the next step."""
        self._register.cancel(asked)

    def position(self, asked: Asked) -> int:
        """0 when it runs or is over, else the place in the queue of its foremost answer, from 1."""
        alive = [answer.request for answer in asked.answers if not answer.request.ended]
        return min((self._scheduler.position(request) for request in alive), default=0)

    def at_rest(self) -> bool:
        """Whether nobody runs or waits. The books are checked then."""
        if not self._scheduler.idle:
            return False
        self._look()
        self._check()
        return True

    def close(self) -> None:
        """End the thread before the next step."""
        self._closing = True

    # -- the thread ------------------------------------------------------------------------------------
    def run(self) -> None:
        """Work until `close`. What it raises broke the thread itself. Call `abandon` afterwards, whatever happened."""
        flight: _Flight | None = None
        while True:
            self.mailbox.obey()
            if self._closing:
                break
            for request in self._scheduler.expired():
                self._register.expire(request)
            flight = self._advance(flight)
            self._look()
            self._register.hand_out()
            if flight is None and self._scheduler.idle:
                self._check()
                self.mailbox.rest()
        if flight is not None:
            self._drop(flight)

    def abandon(self, fault: str, reason: str) -> None:
        """Take nothing more and end every stream with an `EngineFault` that says `fault`."""
        self._register.close(fault, reason)
        self.mailbox.close()
        self._counts.waiting = self._counts.running = self._counts.kv_used = 0
        self._register.hand_out()

    def _advance(self, flight: _Flight | None) -> _Flight | None:
        """Launch the next step and settle the one before it; gives what is in the air afterwards."""
        step = self._scheduler.schedule()
        if step is None:
            if flight is not None:
                self._settle(flight, None)
            elif not self._scheduler.idle:
                self._stuck()
            return None
        began = self._clock()
        try:
            ahead = _Flight(step, self._runner.launch(step), began)
        except Exception as error:
            failure = error
        else:
            if self._runner.overlap:
                return ahead if flight is None else self._settle(flight, ahead)
            return self._settle(ahead, None)
        self._scheduler.abandon(step)
        if flight is not None:
            self._settle(flight, None)
        self._failed(step, failure)
        return None

    def _settle(self, flight: _Flight, ahead: _Flight | None) -> _Flight | None:
        """Wait for a step and take its tokens; gives `ahead`, or None when that had to be taken back."""
        try:
            drawn = flight.launched.wait()
        except Exception as error:
            failure = error
        else:
            self._take(flight, drawn)
            return ahead
        if not is_out_of_memory(failure):
            self._failed(flight.step, failure)
            self._scheduler.abandon(flight.step)
            return ahead  # of the requests that it shares with the failed step it finds none
        if ahead is not None:  # it was computed from what the failed step did not write
            self._drop(ahead)
            self._scheduler.abandon(ahead.step)
        self._scheduler.abandon(flight.step)
        self._failed(flight.step, failure)
        return None

    def _take(self, flight: _Flight, drawn: Sequence[Drawn]) -> None:
        step, now, counts = flight.step, self._clock(), self._counts
        chunks = step.sampling
        for chunk, token in zip(chunks, drawn, strict=True):
            if not token.finite:
                self._refuse_nonsense(chunk.request)
        self._scheduler.settle(step, [token.token for token in drawn])
        self.failing = 0
        self._recovery.stepped()
        came = 0
        for chunk, token in zip(chunks, drawn, strict=True):
            answer = self._register.find(chunk.request)
            if answer is not None:  # else it ended while this step was in the air
                came += 1
                self._register.grow(answer, token, now)
        counts.stepped(len(step.chunks), now - flight.began)
        counts.prompt_tokens += step.tokens - step.decodes
        counts.generated_tokens += came
        counts.rate.add(came, now)

    def _refuse_nonsense(self, request: Request) -> None:
        """Its logits were not numbers, or its grammar left no token that may come next."""
        failure = request.grammar.failure if request.grammar is not None else ""
        if not failure:
            _log.error("The logits of a request were not numbers: it was ended.")
            self._scheduler.pool.forget()  # what others would find may be where they came from
        self._register.fail_all([request], failure or _NOT_NUMBERS, "grammar" if failure else "nan")

    # -- failures --------------------------------------------------------------------------------------
    def _failed(self, step: Step, error: Exception) -> None:
        """End the requests of `step`, unless less memory is all that they need."""
        self._counts.failed_steps += 1
        self.failing += 1
        requests = [chunk.request for chunk in step.chunks]
        if is_out_of_memory(error):
            error.__traceback__ = None  # it holds the step's memory
            return self._make_room(requests)
        _log.error("A step of the engine failed: %s", told(error), exc_info=error)
        fault = f"The step that computed this answer failed ({told(error)}). The engine goes on: ask again."
        return self._register.fail_all(requests, fault, "step")

    def _make_room(self, requests: Sequence[Request]) -> None:
        if self._scheduler.shrink():
            self._counts.shrinks += 1
            self._recovery.shrunk()
            _log.warning("Out of memory: the engine goes on with a smaller batch.")
            return
        alive = [request for request in requests if self._register.find(request)]
        if alive:
            largest = max(alive, key=lambda request: request.length)
            _log.error("Out of memory with the smallest batch: a request of %d tokens was ended.", largest.length)
            self._register.fail_all([largest], _NO_MEMORY, "memory")

    def _stuck(self) -> None:
        """Requests wait, nothing runs, and yet there is nothing to do: end them rather than wait for ever."""
        _log.error("The scheduler has requests and gave no step: they were ended.")
        self._counts.leaks += 1
        self._register.fail_everybody(_NO_ROOM, "internal")

    def _drop(self, flight: _Flight) -> None:
        """Let a step that nobody wants run to its end: the device writes into the cache until then."""
        try:
            flight.launched.wait()
        except Exception as error:
            _log.debug("A step that was given up failed: %s", told(error))

    def _check(self) -> None:
        """Nothing runs, so nothing may be held."""
        try:
            self._scheduler.check()
        except InvariantError:
            self._counts.leaks += 1
            _log.exception("The engine's books are wrong: a slot or a block was lost or is held twice.")

    def _look(self) -> None:
        counts, scheduler = self._counts, self._scheduler
        counts.waiting, counts.running, counts.preemptions = scheduler.waiting, scheduler.running, scheduler.preemptions
        counts.prefix_hit_tokens = scheduler.prefix_hit_tokens
        counts.prefix_query_tokens = scheduler.prefix_query_tokens
        counts.kv_used, counts.kv_total = scheduler.pool.used, scheduler.pool.total
