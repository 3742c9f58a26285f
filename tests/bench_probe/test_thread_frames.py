"""Reading the frames of all threads never stops the process, whatever the garbage collector does meanwhile."""

import subprocess
import sys

from tests.tree import PROJECT

READ_WHILE_COLLECTING = """
import gc, sys, threading, time, weakref
from bench_probe.thread_frames import frames_by_thread

class Node: pass
kept = []
def litter():
    node = Node()
    node.ring = node
    # The callback gives the GIL away in the middle of a collection.
    kept.append(weakref.ref(node, lambda _: time.sleep(0.001)))
def read():
    while not over.is_set():
        READ()
over = threading.Event()
gc.set_threshold(5)
readers = [threading.Thread(target=read, daemon=True) for _ in range(2)]
for reader in readers: reader.start()
end = time.monotonic() + 1.0
while time.monotonic() < end:
    litter()
over.set()
for reader in readers: reader.join()
assert gc.isenabled()
print("read")
"""


def test_frames_can_be_read_while_collections_give_the_gil_away():
    script = READ_WHILE_COLLECTING.replace("READ()", "frames_by_thread()")
    command = [sys.executable, "-c", script]
    told = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=30, check=False)
    assert told.stdout == "read\n", told.stderr
