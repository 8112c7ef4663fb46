"""Keep a conversation of two turns, and say what you think of the last answer: it becomes a training example.

$ headrace up                                          # in another terminal, in this folder
$ python examples/conversation_with_feedback.py
"""

import asyncio

from gateway.client import AsyncHeadrace


async def main() -> None:
    """Submit both turns at once: they run in their order all the same, the second with the first before it."""
    async with AsyncHeadrace() as headrace:
        talk = await headrace.conversations.create("Rivers", metadata={"from": "an example"})
        turns = [
            await headrace.jobs.submit(words, conversation=talk.id, max_tokens=30)
            for words in ("Name a river in Austria.", "And one in France?")
        ]
        answers = [await headrace.jobs.wait(turn.id, timeout_s=120) for turn in turns]

        for message in (await headrace.conversations.items(talk.id)).data:
            print(f"{message.role:>9}: {message.text}")

        last = answers[-1]
        thumb = await headrace.jobs.feedback(last.id, "thumb", "up", comment="a river indeed", author="ann")
        again = await headrace.jobs.feedback(last.id, "thumb", "down", comment="on second thoughts", author="ann")
        print(f"{thumb.id}: {thumb.value}; the same author again replaces it: {again.id == thumb.id}, {again.value}")
        better = await headrace.jobs.feedback(last.id, "correction", "The Loire.", author="ann")
        print(f"{better.id} says what the answer should have been")


if __name__ == "__main__":
    asyncio.run(main())
