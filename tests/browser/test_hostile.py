"""Whatever a model writes, or a prompt or a title says, is text on the page: nothing runs, loads or leads elsewhere."""

from typing import Any

from playwright.async_api import Page, expect

from producers.jobs.live import Piece
from tests.browser.conftest import MODULE_LOOP
from tests.support.browser import Watch
from tests.support.builders import a_completed
from tests.support.chat_page import Chat
from tests.support.gateway import PlayedWorker, RunningGateway
from tests.support.hostile import HOSTILE

pytestmark = MODULE_LOOP

# What our own pages put into a turn, beside what Markdown makes.
NAMES = (
    "ARTICLE H2 DIV BUTTON svg path "
    "P H1 H3 H4 H5 H6 EM STRONG S A CODE PRE SPAN BLOCKQUOTE UL OL LI TABLE THEAD TBODY TR TH TD HR BR"
)
TAGS = set(NAMES.split())
SEEN = """() => {
  const all = [...document.querySelectorAll('#thread *')];
  return {
    tags: [...new Set(all.map((each) => each.tagName))],
    links: [...new Set(all.filter((each) => each.tagName === 'A').map((each) => new URL(each.href).protocol))],
    listeners: all.flatMap((each) => each.getAttributeNames()).filter((name) => /^on|^style|^src/.test(name)),
    harmed: 'harmed' in window,
  };
}"""


async def seen_harmless(page: Page) -> None:
    seen: dict[str, Any] = await page.evaluate(SEEN)

    assert set(seen["tags"]) <= TAGS
    assert set(seen["links"]) <= {"http:", "https:", "mailto:"}
    assert (seen["listeners"], seen["harmed"]) == ([], False)


async def test_hostile_text_stays_text_while_it_streams_and_after_a_reload(
    chat: Chat, worker: PlayedWorker, gateway: RunningGateway
) -> None:
    page, urls = chat.page, list[str]()
    page.on("request", lambda request: urls.append(request.url))
    page.on("dialog", lambda dialog: urls.append(f"a dialog: {dialog.message}"))
    for text in HOSTILE:
        # The prompt is hostile too, and the first one gives the conversation its title.
        await chat.ask(text[:500])
        prompt, lease = await worker.claim()
        half = len(text) // 2
        await worker.leases.show(lease, [Piece(text[:half])])
        await worker.leases.show(lease, [Piece(text[half:])])
        await worker.end(lease, a_completed(prompt, text))
        await chat.is_idle()
    await expect(page.get_by_role("button", name="Copy answer")).to_have_count(len(HOSTILE))
    await seen_harmless(page)

    await page.reload()
    await expect(page.get_by_role("button", name="Copy answer")).to_have_count(len(HOSTILE))
    await expect(chat.answers.first).to_have_text(HOSTILE[0])
    await expect(chat.entry(HOSTILE[0][:60])).to_be_visible()
    await page.wait_for_function("() => [...document.querySelectorAll('.rest')].every((it) => it.textContent === '')")
    await seen_harmless(page)
    assert [url for url in urls if not url.startswith(gateway.url)] == []


async def test_markup_is_refused_by_the_browser_itself_but_for_one_place(chat: Chat, watch: Watch) -> None:
    watch.expect("TrustedHTML|TrustedTypePolicy")
    refused = await chat.page.evaluate(
        """() => {
          const refused = [];
          const attempts = {
            innerHTML: () => { document.createElement('div').innerHTML = '<b>x</b>'; },
            policy: () => { trustedTypes.createPolicy('mine', { createHTML: (it) => it }); },
            second: () => { trustedTypes.createPolicy('headrace', { createHTML: (it) => it }); },
          };
          for (const [name, attempt] of Object.entries(attempts)) {
            try { attempt(); } catch (error) { if (error instanceof TypeError) refused.push(name); }
          }
          return refused;
        }"""
    )

    assert refused == ["innerHTML", "policy", "second"]
