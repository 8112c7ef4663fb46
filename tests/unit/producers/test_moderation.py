"""What a hook says, and what is made of one that fails."""

import pytest

from infra.errors import Unavailable, WrongSetting
from producers.events import Choice, ToolCall
from producers.moderation import Allowed, Moderator, Refused
from producers.settings import ModerationSettings
from tests.support import moderation
from tests.support.builders import a_prompt

HOOKS = "tests.support.moderation"


def a_moderator(name: str, *, fail_open: bool = False) -> Moderator:
    named = f"{HOOKS}:{name}"
    return Moderator(ModerationSettings(prompts=named, answers=named, timeout_s=0.1, fail_open=fail_open))


async def test_without_hooks_everything_is_allowed() -> None:
    nobody = Moderator(ModerationSettings())

    assert await nobody.judge_prompt(a_prompt("a mill")) == Allowed()
    assert await nobody.judge_choices(a_prompt(), (Choice("a mill"),)) == (Choice("a mill"),)
    assert not nobody.judges_answers


@pytest.mark.parametrize(
    ("hook", "text", "judged"),
    [
        ("no_mills", "a lake", Allowed()),
        ("no_mills", "a mill", Refused("")),
        ("no_rivers", "a lake", Allowed()),
        ("no_rivers", "a river", Refused("no rivers")),
    ],
)
async def test_a_hook_judges_a_prompt(hook: str, text: str, judged: object) -> None:
    assert await a_moderator(hook).judge_prompt(a_prompt(text)) == judged


async def test_a_hook_is_told_whose_prompt_it_is_and_what_is_answered() -> None:
    prompt, call = a_prompt("Why?", metadata={"a": "b"}), ToolCall("call_1", "grind", "{}")
    moderation.ASKED.clear()
    await a_moderator("no_mills").judge_choices(prompt, (Choice("so", "tool_calls", (call,)),))

    (asked,) = moderation.ASKED
    assert asked == {
        "stage": "answer", "job_id": prompt.job_id, "tenant": "acme", "key_id": "key_1", "model": "smollm2",
        "tools": (), "format": None,
        "metadata": {"a": "b"}, "messages": [{"role": "user", "content": "Why?"}], "text": "so",
        "tool_calls": [{"id": "call_1", "name": "grind", "arguments": "{}"}],
    }  # fmt: skip


async def test_a_hook_is_told_all_texts_that_are_to_be_embedded_and_whose_they_are() -> None:
    moderation.ASKED.clear()
    judged = await a_moderator("no_mills").judge_texts(["a lake", "a mill"], "emb_1", "words", "acme", "key_1")

    assert judged == Refused("")
    assert moderation.ASKED == [
        {
            "stage": "embeddings", "embeddings_id": "emb_1", "tenant": "acme", "key_id": "key_1", "model": "words",
            "messages": [{"role": "user", "content": "a lake"}, {"role": "user", "content": "a mill"}],
        }
    ]  # fmt: skip


async def test_of_an_answer_each_choice_is_judged_and_a_refused_one_is_empty() -> None:
    drawn = (Choice("a lake"), Choice("a mill", "length"), Choice("a pond"))
    judged = await a_moderator("no_mills").judge_choices(a_prompt(), drawn)

    assert judged == (drawn[0], Choice("", "content_filter"), drawn[2])


@pytest.mark.parametrize("hook", ["broken", "unclear", "slow", "slow_in_a_thread"])
async def test_a_hook_that_fails_is_decided_by_the_setting(hook: str) -> None:
    closed, open_ = a_moderator(hook), a_moderator(hook, fail_open=True)

    for judging in (closed.judge_prompt(a_prompt()), closed.judge_choices(a_prompt(), (Choice("so"),))):
        with pytest.raises(Unavailable):
            await judging
    assert await open_.judge_prompt(a_prompt()) == Allowed()
    assert await open_.judge_choices(a_prompt(), (Choice("so"),)) == (Choice("so"),)


async def test_what_a_hook_says_while_it_fails_is_not_logged_for_it_may_say_the_prompt(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(Unavailable):
        await a_moderator("broken").judge_prompt(a_prompt())

    assert "the hook failed: RuntimeError at " in caplog.text
    assert "out of order" not in caplog.text


@pytest.mark.parametrize("named", ["nothing", "tests.support.moderation:gone", "no.such.module:judge", ":x"])
def test_a_hook_that_is_not_there_is_refused_at_the_start(named: str) -> None:
    with pytest.raises(WrongSetting):
        Moderator(ModerationSettings(prompts=named))
