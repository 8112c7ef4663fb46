"""The chat page as its reader uses it."""

from dataclasses import dataclass

from playwright.async_api import Locator, Page, expect

expect.set_options(timeout=40_000)


@dataclass(frozen=True)
class Chat:
    """One page that shows the chat."""

    page: Page

    @property
    def field(self) -> Locator:
        return self.page.get_by_label("Your prompt")

    @property
    def answers(self) -> Locator:
        return self.page.locator(".answer")

    @property
    def answer(self) -> Locator:
        return self.answers.last

    def told(self, words: str) -> Locator:
        """Something that a turn says beside its answer."""
        return self.page.get_by_role("article").get_by_text(words)

    def entry(self, title: str) -> Locator:
        """A conversation in the list."""
        return self.page.get_by_role("link", name=title, exact=True)

    async def enter(self, url: str, api_key: str) -> None:
        """Open the page and sign in."""
        await self.page.goto(url)
        await self.page.get_by_label("API key").fill(api_key)
        await self.page.get_by_role("button", name="Sign in").click()
        await expect(self.field).to_be_visible()

    async def ask(self, text: str) -> None:
        """Write a prompt and send it."""
        await self.field.fill(text)
        await self.page.get_by_role("button", name="Send", exact=True).click()

    async def again(self) -> None:
        """Want another answer to the last prompt, once there is one."""
        await self.is_idle()
        await self.page.get_by_role("button", name="Answer again").last.click()

    async def is_idle(self) -> None:
        """Wait until no answer is coming."""
        await expect(self.page.locator("#send")).to_have_attribute("aria-label", "Send")
        await expect(self.page.locator(".answer[aria-busy]")).to_have_count(0)

    async def is_at_end(self) -> None:
        """Wait until the end of the conversation is in view."""
        await self.page.wait_for_function(
            "() => { const it = document.querySelector('#thread');"
            " return it.scrollHeight - it.clientHeight - it.scrollTop < 2; }"
        )
