"""Read an answer as it comes, break off in the middle, and go on elsewhere without a gap.

$ headrace up                                          # in another terminal, in this folder
$ python examples/stream_with_resume.py

A connection that breaks is taken up by the client itself. This shows what it does then, for programs that hand a stream
over to another process: the id of the last event says where to go on, at any gateway.
"""

import asyncio

from gateway.client import AsyncHeadrace, DoneTold, SnapshotTold, StatusTold, TokenTold


async def main() -> None:
    """Read some tokens with one client and the rest with another; together they are the answer."""
    async with AsyncHeadrace() as first:
        job = await first.jobs.submit("Tell me about the river Danube.", max_tokens=60, cache="bypass")
        text, last_id = await read_some(first, job.id, tokens=5)
    print(f"\n--- broken off after event {last_id}; another client goes on ---")
    async with AsyncHeadrace() as second:
        async for event in second.jobs.events(job.id, after=last_id):
            match event:
                case TokenTold():
                    text += event.text
                    print(event.text, end="", flush=True)
                case SnapshotTold():
                    # Another attempt began anew, or the stream no longer goes back so far: this stands for all before.
                    text = event.text
                    print(f"\n(from the start) {text}", end="", flush=True)
                case DoneTold():
                    print(f"\n{event.job.id} is {event.job.status}, and nothing is missing: {text == event.job.text}")
                case StatusTold():
                    print(f"[{event.status}]", end="", flush=True)


async def read_some(headrace: AsyncHeadrace, job_id: str, *, tokens: int) -> tuple[str, str]:
    """The text of so many tokens, and the id of the last event."""
    text, last_id = "", ""
    async for event in headrace.jobs.events(job_id):
        last_id = event.id
        if isinstance(event, TokenTold):
            text += event.text
            print(event.text, end="", flush=True)
            tokens -= 1
        if tokens == 0:
            break
    return text, last_id


if __name__ == "__main__":
    asyncio.run(main())
