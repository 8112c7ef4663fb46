"""The official OpenAI SDK, unchanged: a streamed answer, and what Headrace adds in `extra_body`.

$ headrace up                                          # in another terminal, in this folder
$ eval "$(headrace env)"                               # OPENAI_BASE_URL and OPENAI_API_KEY
$ python examples/openai_sdk.py                        # pip install openai
"""

from openai import OpenAI


def main() -> None:
    """Everything goes through the same log, and shows up in the same reports, as a job does."""
    with OpenAI() as client:
        model = client.models.list().data[0].id
        question = {"model": model, "messages": [{"role": "user", "content": "Name a river."}], "max_tokens": 30}

        chunks = client.chat.completions.create(**question, stream=True)  # type: ignore[call-overload]
        for chunk in chunks:
            print(chunk.choices[0].delta.content or "", end="", flush=True)
        print()

        # The second of two equal prompts comes from the cache; `bypass` would ask the model again.
        again = client.chat.completions.create(**question, extra_body={"cache": "use"})  # type: ignore[call-overload]
        print(again.choices[0].message.content, f"({again.usage.total_tokens} tokens)")


if __name__ == "__main__":
    main()
