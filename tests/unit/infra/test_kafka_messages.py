"""Several Kafka clients of one process, each with a thread of its own, understand the same answers."""

import subprocess
import sys

# In a process of its own: what a version's class is, is settled once a process.
MEET_ALL_AT_ONCE = """
import gc, sys, threading
from infra import kafka
from kafka.protocol.api_header import ResponseClassRegistry

sys.setswitchinterval(1e-6)
known = ResponseClassRegistry._response_class_registry
for message in [(kind[None] if kind._class_version is not None else kind) for kind in list(known.values())]:
    for version in range(len(message)):
        gate = threading.Barrier(4)

        def meet(message=message, version=version):
            gate.wait()
            message[version]

        threads = [threading.Thread(target=meet) for _ in range(4)]
        [each.start() for each in threads]
        [each.join() for each in threads]
gc.collect()
for kind in known.values():
    kind.__name__
"""


def test_clients_that_meet_an_answer_for_the_first_time_at_once_understand_it_afterwards() -> None:
    told = subprocess.run([sys.executable, "-c", MEET_ALL_AT_ONCE], capture_output=True, text=True, check=False)

    assert told.returncode == 0, told.stderr
