"""Submit a prompt, wait for its answer, and print it with the time of each step.

$ headrace up                                          # in another terminal, in this folder
$ python examples/submit_and_wait.py "Why is the sky blue?"

Which gateway is asked, HEADRACE_CLIENT__URL and HEADRACE_CLIENT__API_KEY say elsewhere.
"""

import sys

from gateway.client import Headrace, TimedOut


def main(prompt: str) -> None:
    """Ask for one answer, and give up after a minute."""
    with Headrace() as headrace:
        # 202: Kafka has the prompt on all in-sync replicas. From here on nothing that dies loses it.
        job = headrace.jobs.submit(prompt, max_tokens=60, metadata={"asked-by": "an example"})
        print(f"{job.id} is {job.status}")
        try:
            job = headrace.jobs.wait(job.id, timeout_s=60)
        except TimedOut:
            print(headrace.jobs.cancel(job.id).status)
            raise
        if job.text is None:
            sys.exit(job.failure)
        print(job.text)
        for step in headrace.jobs.timeline(job.id).steps:
            print(f"{step.since_received_ms:9.1f} ms  {step.step}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "Why is the sky blue?")
