"""Background tasks after the answer: one blocks the loop, one leaves more work to threads than they can do."""

import time

from fastapi import BackgroundTasks

from bench_app.workload import Suffers, Workload

MAIL_S = 0.02

workload = Workload(name="mailed", question="Is work seen that goes on after the answer?")


async def mail_on_the_loop() -> None:
    """Block the event loop."""
    time.sleep(MAIL_S)


def mail_in_a_thread() -> None:
    """Wait in a worker thread."""
    time.sleep(MAIL_S)


@workload.variant("blocking", suffers=Suffers("loop blocked", "loop blocked", function="mail_on_the_loop", users=16))
async def answer_and_block(tasks: BackgroundTasks) -> dict[str, bool]:
    """Answer, and then block the event loop in a background task."""
    tasks.add_task(mail_on_the_loop)
    return {"ok": True}


@workload.variant("async", suffers=Suffers("work left behind"))
async def answer_and_leave(tasks: BackgroundTasks) -> dict[str, bool]:
    """Answer, and leave work for 20 ms of a thread: 2,000 a second can be done."""
    tasks.add_task(mail_in_a_thread)
    return {"ok": True}
