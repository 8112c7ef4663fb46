"""The page of dead letters in a real browser: an operator reads, edits, redrives and discards."""

import json
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from infra.settings import RedisSettings
from tests.support.browser import PATIENCE_MS, Watch, a_visitor
from tests.support.gateway import MODEL
from tests.support.letters import NONSENSE, Office, an_office
from tests.support.stack import RunningKafka, a_prefix

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]
expect.set_options(timeout=PATIENCE_MS)

HOSTILE = "<img src=x onerror=\"document.title='taken'\"><b>bold</b>"
REFUSED = r"console error: Failed to load resource: .* 40[039]"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(kafka: RunningKafka, module_redis: RedisSettings) -> AsyncIterator[Office]:
    async with an_office(kafka.settings(a_prefix()), module_redis) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def seen(browser: Browser, office: Office) -> AsyncIterator[tuple[Page, Watch]]:
    """The page, signed in as an administrator."""
    async with a_visitor(browser, office.gateway.url, viewport={"width": 1280, "height": 860}) as (context, watch):
        api_key = office.headers["Authorization"].removeprefix("Bearer ")
        await context.add_init_script(
            f"if (location.protocol === 'http:') sessionStorage.setItem('headrace.key', '{api_key}')"
        )
        yield await context.new_page(), watch


async def open_letter(page: Page, letter_id: str) -> None:
    await page.goto(f"/dead?state=all&letter={letter_id}")
    await page.get_by_role("dialog", name="Dead letter").get_by_text("Origin").wait_for()


async def test_letters_are_listed_by_filters_that_stand_in_the_address(
    seen: tuple[Page, Watch], office: Office
) -> None:
    page, _ = seen
    tenant = f"{office.gateway.tenant}-list"
    mine = await office.bury(office.prompt(tenant=tenant))
    other = await office.bury(office.prompt(tenant=tenant), "poison")
    await page.goto(f"/dead?tenant={tenant}")

    rows = page.locator("tr[data-letter]")
    await expect(rows).to_have_count(2)
    await expect(rows.first).to_have_attribute("data-letter", other)
    await page.get_by_label("Filter by reason").select_option("exhausted")
    await expect(rows).to_have_count(1)
    await expect(rows.first).to_have_attribute("data-letter", mine)
    assert page.url.endswith(f"/dead?reason=exhausted&tenant={tenant}")
    await page.get_by_role("button", name="Discarded").click()
    await page.get_by_role("heading", name="No discarded letters").wait_for()
    await page.go_back()
    await expect(rows).to_have_count(1)


async def test_a_letter_is_read_and_redriven_as_it_was(seen: tuple[Page, Watch], office: Office) -> None:
    page, _ = seen
    old = office.prompt("Why is the sky blue?")
    letter_id = await office.bury(old)
    await page.goto(f"/dead?tenant={office.gateway.tenant}")
    await page.locator(f"tr[data-letter={letter_id}]").click()
    dialog = page.get_by_role("dialog", name="Dead letter")
    await dialog.get_by_text("Why is the sky blue?").wait_for()
    await dialog.get_by_text("the model server was gone").wait_for()

    await dialog.get_by_role("button", name="Redrive", exact=True).dblclick()
    new, _ = await office.worker.next_prompt()

    await dialog.get_by_role("link", name=new.job_id).wait_for()
    await dialog.get_by_role("button", name="Redrive again", exact=True).click()
    await page.get_by_role("dialog", name="Redrive again?").get_by_role("button", name="Cancel").click()
    await page.keyboard.press("Escape")
    await expect(page).not_to_have_url(re.compile("letter="))
    await expect(page.locator(f"tr[data-letter={letter_id}] .state")).to_have_text("redriven")
    assert [each["job"] for each in (await office.get(f"/{letter_id}")).json["redrives"]] == [new.job_id]


async def test_a_prompt_is_edited_and_what_is_wrong_in_it_is_told_beside_it(
    seen: tuple[Page, Watch], office: Office
) -> None:
    page, watch = seen
    watch.expect(REFUSED)
    letter_id = await office.bury(office.prompt("Whyy?"))
    await open_letter(page, letter_id)
    dialog = page.get_by_role("dialog", name="Dead letter")
    await dialog.get_by_role("button", name="Edit and redrive").click()
    field = dialog.get_by_label("Prompt", exact=True)
    before = await field.input_value()

    await field.fill("{no json")
    await dialog.get_by_role("button", name="Redrive", exact=True).click()
    await dialog.get_by_text("This is no JSON").wait_for()
    await field.fill(json.dumps({**json.loads(before), "temperature": 9}))
    await dialog.get_by_role("button", name="Redrive", exact=True).click()
    await dialog.get_by_text("temperature must be from 0").wait_for()
    await page.keyboard.press("Escape")
    await page.get_by_role("dialog", name="Leave the prompt?").get_by_role("button", name="Cancel").click()
    await field.fill(before.replace("Whyy", "Why"))
    await dialog.get_by_role("button", name="Redrive", exact=True).click()
    new, _ = await office.worker.next_prompt()

    await dialog.get_by_role("link", name=new.job_id).wait_for()
    assert new.messages[0].content == "Why?"


async def test_what_cannot_be_read_is_shown_as_text_and_redriven_for_a_tenant(
    seen: tuple[Page, Watch], office: Office
) -> None:
    page, _ = seen
    letter_id = await office.bury(NONSENSE, "undecodable")
    await open_letter(page, letter_id)
    dialog = page.get_by_role("dialog", name="Dead letter")
    await dialog.get_by_text("The prompt cannot be read").wait_for()
    await dialog.get_by_role("button", name="Edit and redrive").click()
    await dialog.get_by_label("Tenant whose prompt it is").fill(office.gateway.tenant)
    await dialog.get_by_label("Prompt", exact=True).fill(json.dumps({"model": MODEL, "input": "Why?"}))
    await dialog.get_by_role("button", name="Redrive", exact=True).click()
    new, _ = await office.worker.next_prompt()

    await dialog.get_by_role("link", name=new.job_id).wait_for()
    assert new.tenant == office.gateway.tenant


async def test_a_letter_is_discarded_with_a_note(seen: tuple[Page, Watch], office: Office) -> None:
    page, _ = seen
    letter_id = await office.bury(b"nonsense", "undecodable", topic="answers")
    await open_letter(page, letter_id)
    dialog = page.get_by_role("dialog", name="Dead letter")
    await expect(dialog.get_by_role("button", name="Edit and redrive")).to_have_count(0)
    await dialog.get_by_role("button", name="Discard …").click()
    question = page.get_by_role("dialog", name="Why is nothing to become of it?")
    await question.get_by_role("textbox").fill("a test of ours")
    await question.get_by_role("button", name="Discard").click()

    await dialog.get_by_text("a test of ours").wait_for()
    assert (await office.get(f"/{letter_id}")).json["discarded"]["note"] == "a test of ours"


async def test_all_that_match_are_redriven_and_what_is_refused_is_told(
    seen: tuple[Page, Watch], office: Office
) -> None:
    page, _ = seen
    tenant = f"{office.gateway.tenant}-all"
    ids = [await office.bury(office.prompt(tenant=tenant, key_id="service:x")) for _ in range(3)]
    turn = await office.bury(office.prompt(tenant=tenant, key_id="service:x", conversation="conv_1"))
    await page.goto(f"/dead?tenant={tenant}")
    await page.get_by_role("button", name="Redrive all …").click()
    await page.get_by_role("dialog", name="Redrive all?").get_by_role("button", name="Redrive all").click()

    await page.get_by_text("Done: 3 redriven, 1 refused.").wait_for()
    await expect(page.locator("tr[data-letter]")).to_have_count(1)
    assert turn in await page.locator(".swept li").inner_text()
    assert {(await office.get(f"/{each}")).json["state"] for each in ids} == {"redriven"}


async def test_what_letters_hold_stays_text(seen: tuple[Page, Watch], office: Office) -> None:
    page, _ = seen
    letter_id = await office.bury(office.prompt(HOSTILE, tenant=f"{office.gateway.tenant}-hostile"))
    await open_letter(page, letter_id)
    await page.get_by_role("dialog", name="Dead letter").get_by_text("<b>bold</b>").wait_for()

    assert await page.title() == "Dead letters · Headrace"
    assert await page.locator("b", has_text="bold").count() == 0


async def test_who_is_no_administrator_is_told_so(browser: Browser, office: Office) -> None:
    async with a_visitor(browser, office.gateway.url) as (context, watch):
        watch.expect(REFUSED)
        page = await context.new_page()
        await page.goto("/dead")
        await page.get_by_label("API key").fill(office.gateway.key.api_key)
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_text("Dead letters are for administrators").wait_for()
        await page.get_by_role("button", name="Sign in with another key").click()

        await page.get_by_label("API key").wait_for()


@pytest.mark.parametrize("width", [1280, 390])
async def test_the_page_fits_its_window(browser: Browser, office: Office, width: int) -> None:
    letter_id = await office.bury(office.prompt("Why? " * 400))
    async with a_visitor(browser, office.gateway.url, viewport={"width": width, "height": 800}) as (context, _):
        page = await context.new_page()
        await page.goto(f"/dead?letter={letter_id}")
        await page.get_by_label("API key").fill(office.headers["Authorization"].removeprefix("Bearer "))
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_role("dialog", name="Dead letter").get_by_text("Origin").wait_for()

        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        assert await page.evaluate("document.querySelector('.letter').scrollWidth <= innerWidth")
