"""Which thread runs a handler: asked of both kinds."""

import asyncio
import threading

from bench_probe.thread_recorder import ThreadRecorder


def test_a_handler_is_on_the_loop_or_on_a_worker_and_keeps_its_kind():
    recorder = ThreadRecorder()

    async def awaits() -> int:
        return 1

    def works() -> int:
        return 2

    on_loop, in_thread = recorder.record("/a", awaits), recorder.record("/b", works)

    async def main() -> tuple[int, int]:
        recorder.loop_thread = threading.get_ident()
        return await on_loop(), await asyncio.to_thread(in_thread)

    assert asyncio.iscoroutinefunction(on_loop)
    assert not asyncio.iscoroutinefunction(in_thread)
    assert asyncio.run(main()) == (1, 2)
    assert recorder.threads == {"/a": {"loop"}, "/b": {"worker"}}
