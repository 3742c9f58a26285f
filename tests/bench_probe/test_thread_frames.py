"""Reading the frames of all threads never stops the process, whatever the garbage collector does meanwhile."""

import subprocess
import sys

from tests.tree import PROJECT

READ_WHILE_COLLECTING = """
import gc, os, sys, threading, time, weakref
from bench_probe.thread_frames import frames_by_thread

class Node: pass
kept = []
def litter():
    for _ in range(5):
        node = Node()
        node.ring = node
        # The callback gives the GIL away in the middle of a collection.
        kept.append(weakref.ref(node, lambda _: time.sleep(0)))
def nap():
    time.sleep(0.0001)
def work():
    while not over.is_set():
        nap()  # each call has a new frame, which is made when it is read
def read():
    while not over.is_set():
        READ()
        time.sleep(0.0001)
over = threading.Event()
gc.set_threshold(40, 5, 5)
threads = [threading.Thread(target=each, daemon=True) for each in (*[work] * 10, read, read)]
for thread in threads: thread.start()
end = time.monotonic() + 1.5
while time.monotonic() < end:
    litter()
    time.sleep(0.002)
over.set()
for thread in threads: thread.join()
print("read", flush=True)
os._exit(0)
"""


def test_frames_can_be_read_while_collections_give_the_gil_away():
    script = READ_WHILE_COLLECTING.replace("READ()", "frames_by_thread()")
    command = [sys.executable, "-c", script]
    told = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=30, check=False)
    assert told.stdout == "read\n", told.stderr
