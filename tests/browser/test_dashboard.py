"""The dashboard in a real browser, over rows in a real ClickHouse."""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, Route, expect

from analytics.ingest.writer import Writer
from analytics.migrate import migrate
from analytics.rows import AnswerRow
from analytics.settings import AnalyticsSettings
from infra.settings import KafkaSettings, RedisSettings
from producers.log.topics import ANSWERS
from tests.support.browser import Watch, a_visitor
from tests.support.builders import CLOCK
from tests.support.clickhouse import Database, RunningClickHouse, a_database
from tests.support.eventually import eventually
from tests.support.gateway import MODEL, RunningGateway, a_gateway, a_played_worker
from tests.support.history import TABLES, History, write_history
from tests.support.reports import running_reports

# Two dozen queries make one view: where the machine is busy with other things, that takes seconds.
PATIENCE_MS = 40_000
expect.set_options(timeout=PATIENCE_MS)
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

HOSTILE = "<img src=x onerror=\"document.title='taken'\"><b>{{7*7}}</b>"
GONE = r"console error: Failed to load resource: .* 404 .*/timeline"
"""A job of these rows was never in Redis."""
CONTRAST = """([ink, paper]) => {
  const lightness = (colour) => {
    const probe = document.createElement("canvas").getContext("2d");
    probe.fillStyle = colour;
    probe.fillRect(0, 0, 1, 1);
    const linear = [...probe.getImageData(0, 0, 1, 1).data].slice(0, 3)
      .map((each) => each / 255).map((each) => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const [low, high] = [lightness(ink), lightness(paper)].sort((one, other) => one - other);
  return (high + 0.05) / (low + 0.05);
}"""


@dataclass(frozen=True)
class Place:
    """A gateway with reports beside it, the store they read, and what happened in it."""

    gateway: RunningGateway
    store: Database
    jobs: list[AnswerRow]
    pool: ThreadPoolExecutor

    def ended_within(self, s: float) -> list[AnswerRow]:
        since_ms = CLOCK.now_ms() - s * 1000
        return [each for each in self.jobs if each.finished_at >= since_ms]

    def may_count(self, counted: float, s: float, bucket_s: float) -> bool:
        """Whether a page drawn lately may tell so many: its range begins with a whole bucket, thousands are rounded."""
        lately_s, rounded = 120.0, counted / 200
        least, most = len(self.ended_within(s - lately_s)), len(self.ended_within(s + bucket_s + lately_s))
        return least - rounded <= counted <= most + rounded

    async def write(self, job: AnswerRow) -> None:
        """One row more."""
        await asyncio.get_running_loop().run_in_executor(self.pool, self._write, job)

    def _write(self, job: AnswerRow) -> None:
        writer = Writer(self.store.settings)
        writer.insert(TABLES[ANSWERS], [job], f"more-{job.job_id}")
        writer.close()

    def job(self, number: int, **fields: Any) -> AnswerRow:
        """One job that has just ended."""
        history = History(self.gateway.tenant, random.Random(number), offset=900_000 + number)
        now_ms = int(CLOCK.now_ms())
        return history.job(now_ms - 5000)._replace(received_at=now_ms - 5000, finished_at=now_ms - 200, **fields)


@pytest.fixture(scope="module")
def store(clickhouse_server: RunningClickHouse) -> Iterator[Database]:
    with a_database(clickhouse_server) as store:
        migrate(store.settings, AnalyticsSettings())
        yield store


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(store: Database, log_settings: KafkaSettings, module_redis: RedisSettings) -> AsyncIterator[Place]:
    async with (
        running_reports(store.settings) as reports_url,
        a_gateway(log_settings, module_redis, reports_url=reports_url) as gateway,
    ):
        pool, jobs = ThreadPoolExecutor(1), list[AnswerRow]()
        found = Place(gateway, store, jobs, pool)
        past = partial(write_history, store.settings, gateway.tenant, until_ms=CLOCK.now_ms(), hours=30, an_hour=120)
        jobs += await asyncio.get_running_loop().run_in_executor(pool, past)
        await gateway.get("/v1/dashboard")  # by now every thread of the reports is there
        yield found
        pool.shutdown()


@pytest_asyncio.fixture(loop_scope="module")
async def visitor(browser: Browser, place: Place) -> AsyncIterator[tuple[BrowserContext, Watch]]:
    async with a_visitor(browser, place.gateway.url, viewport={"width": 1300, "height": 900}) as (context, watch):
        await sign_in(context, place)
        yield context, watch


async def sign_in(context: BrowserContext, place: Place) -> None:
    """Every page of it begins with the key kept; an empty page keeps nothing."""
    kept = f"sessionStorage.setItem('headrace.key', '{place.gateway.key.api_key}')"
    context.set_default_timeout(PATIENCE_MS)
    await context.add_init_script(f"if (location.protocol === 'http:') {kept}")


async def opened(
    visitor: tuple[BrowserContext, Watch], address: str = "?range=24h", *, with_clock: bool = False
) -> Page:
    """The dashboard, all of it drawn; `with_clock` its time goes on by itself, and further as the test says."""
    page = await visitor[0].new_page()
    if with_clock:
        await page.clock.install()
    await page.goto(f"/dashboard{address}")
    await is_drawn(page)
    return page


async def is_drawn(page: Page) -> None:
    await page.locator("main[aria-busy=false]").wait_for()


def number_in(text: str) -> float:
    return float(re.sub(r"[^\d.]", "", text)) * (1000 if "k" in text else 1)


async def test_the_charts_show_what_happened(visitor: tuple[BrowserContext, Watch], place: Place) -> None:
    page = await opened(visitor)
    charts = page.locator("article.stacked canvas, article.percentiles canvas")
    drawn = await page.evaluate(
        """() => [...document.querySelectorAll("article canvas")].map((each) => new Set(new Uint32Array(
             each.getContext("2d").getImageData(0, 0, each.width, each.height).data.buffer)).size)"""
    )

    assert await charts.count() >= 12
    assert min(drawn) > 3  # axes, grid and at least one series
    counted = number_in(await page.locator("#chart-jobs_total .value").inner_text())
    assert place.may_count(counted, 86_400, bucket_s=1800)
    legend = page.locator("#chart-jobs_by_status .legend")
    await expect(legend).to_contain_text("completed")
    assert await page.locator("#chart-recent_jobs tbody tr").count() == 25
    assert re.search(r"(ms|s)$", await page.locator("#chart-answer_time .value").inner_text())


async def test_another_range_is_another_address_and_other_numbers(
    visitor: tuple[BrowserContext, Watch], place: Place
) -> None:
    page = await opened(visitor)
    before = await page.locator("#chart-jobs_total .value").inner_text()
    await expect(page.locator(".told")).to_have_text(re.compile(r"^\w+ \d+ \d\d:\d\d . \w+ \d+ \d\d:\d\d, by 30 min$"))

    await page.get_by_role("button", name="1 h", exact=True).click()
    await expect(page.locator("#chart-jobs_total .value")).not_to_have_text(before)
    await is_drawn(page)

    assert page.url.endswith("/dashboard?range=1h")
    assert "by 1 min" in await page.locator(".told").inner_text()
    counted = number_in(await page.locator("#chart-jobs_total .value").inner_text())
    assert place.may_count(counted, 3600, bucket_s=60)
    await page.go_back()
    await expect(page.locator("#chart-jobs_total .value")).to_have_text(re.compile(r"."))
    assert page.url.endswith("range=24h")


async def test_a_filter_narrows_and_a_chart_it_does_not_reach_says_so(
    visitor: tuple[BrowserContext, Watch], place: Place
) -> None:
    page = await opened(visitor)

    await page.get_by_label("Filter by statuses").select_option("failed")
    await expect(page.locator("main.stale")).to_have_count(0)
    await expect(page.locator("#chart-recent_jobs tbody tr .status").first).to_have_text("failed")

    # The range begins with a whole step of its charts, and went on while we looked.
    least, most = (
        sum(each.status == "failed" for each in place.ended_within(s)) for s in (86_400 - 600, 86_400 + 2 * 1800)
    )
    assert least <= number_in(await page.locator("#chart-jobs_total .value").inner_text()) <= most
    await expect(page.locator("#chart-webhooks .note")).to_have_text("Counts all models, lanes and statuses.")
    assert await page.locator("#chart-jobs_by_lane .note").is_hidden()


async def test_a_click_leads_from_a_chart_to_its_jobs_and_from_there_to_one(
    visitor: tuple[BrowserContext, Watch], place: Place
) -> None:
    visitor[1].expect(GONE)
    page = await opened(visitor)
    plot = page.locator("#chart-jobs_by_status .u-over")
    box = await plot.bounding_box()
    assert box is not None

    async with page.expect_response(re.compile("charts=recent_jobs")) as listed:
        await plot.click(position={"x": box["width"] * 0.5, "y": box["height"] - 4})
    rows = (await (await listed.value).json())["charts"][0]["data"]["rows"]
    await page.locator(".opened").wait_for()
    await expect(page.locator("#chart-recent_jobs tbody tr")).to_have_count(len(rows))
    statuses = await page.locator("#chart-recent_jobs tbody .status").all_inner_texts()
    await page.locator("#chart-recent_jobs .link").first.click()
    panel = page.get_by_role("dialog", name="Job")
    await panel.locator(".waterfall").wait_for()

    assert set(statuses) == {"completed"}  # the lowest layer of the stack
    shown = await panel.locator("header code").inner_text()
    job = next(each for each in place.jobs if each.job_id == shown)
    await expect(page).to_have_url(re.compile(f"job={shown}"))
    assert job.answer in await panel.inner_text()
    assert await panel.locator(".waterfall li").count() == 4
    await page.keyboard.press("Escape")
    await expect(panel).to_have_count(0)
    await expect(page).not_to_have_url(re.compile("job="))


async def test_a_job_that_has_just_been_answered_shows_its_eight_steps(
    visitor: tuple[BrowserContext, Watch], place: Place
) -> None:
    async with a_played_worker(place.gateway) as worker:
        submitted = await place.gateway.post("/v1/jobs", {"model": MODEL, "input": "Why?", "cache": "bypass"})
        await worker.answer("So", " it is.")

    page = await opened(visitor, f"?range=15m&job={submitted.json['id']}")
    steps = page.locator(".waterfall li")
    await expect(steps).to_have_count(8)

    names = await page.evaluate("[...document.querySelectorAll('.waterfall li')].map((each) => each.dataset.step)")
    assert set(names) == {
        "received", "accepted", "acknowledged", "claimed", "first_token", "finished", "published", "visible",
    }  # fmt: skip


async def test_a_new_job_appears_by_itself_and_nobody_asks_while_nobody_looks(
    visitor: tuple[BrowserContext, Watch], place: Place
) -> None:
    page = await opened(visitor, "?range=15m", with_clock=True)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/v1/dashboard" in request.url else None)
    job = place.job(1)

    await place.write(job)
    await expect(page.locator(f"#chart-recent_jobs button[title={job.job_id}]")).to_have_count(1, timeout=60_000)

    await page.evaluate(
        "Object.defineProperty(document, 'hidden', {value: true, configurable: true});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    await is_drawn(page)
    asked.clear()
    await page.clock.run_for(600_000)
    assert asked == []
    async with page.expect_request(re.compile("/v1/dashboard")):
        await page.evaluate(
            "Object.defineProperty(document, 'hidden', {value: false, configurable: true});"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )
    await is_drawn(page)


async def test_nobody_asks_again_while_a_question_is_under_way(visitor: tuple[BrowserContext, Watch]) -> None:
    page = await opened(visitor, "?range=15m", with_clock=True)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    await page.route("**/v1/dashboard?*", hold)
    live = page.get_by_role("button", name=re.compile("^(Live|Paused)"))

    await page.clock.run_for(6_000)
    await eventually(lambda: len(held) == 1, what="the first question")
    await page.clock.run_for(600_000)
    for _ in range(2):
        await live.click()
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await page.clock.run_for(600_000)
    assert len(held) == 1

    await held[0].continue_()
    await is_drawn(page)
    await page.clock.run_for(61_000)  # a store that took so long is given time
    await eventually(lambda: len(held) == 2, what="the next question")
    await held[1].continue_()
    await is_drawn(page)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("?since=yesterday&until=now", "That is no time that can be shown. Shown instead: 24 h up to now."),
        ("?since=1&until=99999999999", "That is no time that can be shown. Shown instead: 24 h up to now."),
        ("?since=2000&until=1000&range=1h", "The range must begin before it ends. Shown instead: 1 h up to now."),
        ("?since=1000000000&until=1700000000", "That is more than 400 days. Shown instead: 24 h up to now."),
    ],
)
async def test_an_address_that_cannot_be_shown_says_so_in_words(
    visitor: tuple[BrowserContext, Watch], address: str, words: str
) -> None:
    page = await opened(visitor, address)

    await expect(page.get_by_role("alert")).to_have_text(words)
    await expect(page.locator("#chart-jobs_total .value")).to_be_visible()
    await page.get_by_role("button", name="15 min").click()
    await expect(page.get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_what_is_drawn_can_be_read(browser: Browser, place: Place, scheme: str) -> None:
    async with a_visitor(browser, place.gateway.url, color_scheme=scheme) as (context, watch):
        await sign_in(context, place)
        page = await opened((context, watch))
        style = "getComputedStyle(document.documentElement).getPropertyValue"
        paper = await page.evaluate("getComputedStyle(document.querySelector('.card-of')).backgroundColor")
        ink = await page.evaluate(f"{style}('--ink-2')")  # what the axes are written in
        series = ["good", "bad", "warn", "off", "faint", "a", "b", "c", "d", "e", "f", "g", "h", "p50", "p90", "p99"]
        contrasts = {
            each: await page.evaluate(CONTRAST, [await page.evaluate(f"{style}('--c-{each}')"), paper])
            for each in series
        }
        texts = [await page.evaluate(f"getComputedStyle(document.querySelector('{each}')).color") for each in
                 (".legend span", ".help", ".tile .change", ".told", "th", "td.text")]  # fmt: skip

        assert await page.evaluate(CONTRAST, [ink, paper]) >= 4.5
        assert {each: value for each, value in contrasts.items() if value < 3} == {}
        assert min([await page.evaluate(CONTRAST, [each, paper]) for each in texts]) >= 4.4


async def test_the_axes_change_their_colour_with_the_theme(visitor: tuple[BrowserContext, Watch]) -> None:
    page = await opened(visitor)
    picture = "document.querySelector('#chart-queue_wait canvas').toDataURL()"
    light = await page.evaluate(picture)

    await page.get_by_role("button", name="Dark colours").click()

    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await page.wait_for_function(f"(light) => {picture} !== light", arg=light)


async def test_hostile_text_stays_text_wherever_it_is_shown(
    visitor: tuple[BrowserContext, Watch], place: Place
) -> None:
    visitor[1].expect(GONE)
    job = place.job(
        2, model=HOSTILE, status="failed", error_type=HOSTILE, error_code=HOSTILE, error_message=HOSTILE,
        prompt='[{"role":"user","content":"<script>document.title=\'taken\'</script>"}]', answer=HOSTILE, cache=HOSTILE,
    )  # fmt: skip
    await place.write(job)

    page = await opened(visitor, f"?range=1h&job={job.job_id}")
    panel = page.get_by_role("dialog", name="Job")
    await expect(panel.locator(".words").last).to_contain_text(HOSTILE)

    assert "<script>" in await panel.inner_text()
    await expect(page.locator("#chart-errors")).to_contain_text(HOSTILE)
    await expect(page.locator("#chart-jobs_by_model .legend")).to_contain_text(HOSTILE)
    await expect(page.locator("#chart-failures .legend")).to_contain_text(HOSTILE)
    assert await page.title() == "Dashboard · Headrace"
    assert await page.locator("main img, main script, dialog img, dialog script").count() == 0


async def test_a_chart_is_saved_as_it_is_shown(visitor: tuple[BrowserContext, Watch]) -> None:
    page = await opened(visitor)

    async with page.expect_download() as started:
        await page.get_by_role("button", name="Save Jobs by status as CSV").click()
    saved = await (await started.value).path()

    assert (await started.value).suggested_filename == "jobs_by_status last 24 h.csv"
    lines = saved.read_text().splitlines()
    assert lines[0].startswith("time,completed,")
    assert len(lines) == 50


async def test_a_time_without_jobs_says_so_and_what_to_do(visitor: tuple[BrowserContext, Watch]) -> None:
    page = await opened(visitor, "?since=1000000000&until=1000003600")

    await page.get_by_role("heading", name="No job ended in this time").wait_for()
    await page.get_by_role("button", name="Look at 30 days").click()

    await page.locator("article.stacked canvas").first.wait_for()


@pytest.mark.parametrize("width", [1200, 390])
async def test_until_the_first_answer_it_says_that_it_counts_and_then_its_bar_stays(
    visitor: tuple[BrowserContext, Watch], width: int
) -> None:
    page = await visitor[0].new_page()
    await page.set_viewport_size({"width": width, "height": 900})
    held: list[Route] = []
    await page.route("**/v1/dashboard?*", lambda route: held.append(route))  # noqa: PLW0108 # its methods are no functions to Playwright
    models: list[Route] = []
    await page.route("**/v1/models", lambda route: models.append(route))  # noqa: PLW0108 # as above
    await page.goto("/dashboard?range=24h")
    counting = page.get_by_role("status").filter(has_text="Counting")

    await expect(counting).to_be_visible()
    await eventually(lambda: len(held) == 1, what="the first question")
    await eventually(lambda: len(models) == 1, what="the question for the models")
    bar = [page.locator(".toolbar"), page.locator(".live")]
    before = [await each.bounding_box() for each in bar]
    await models[0].fulfill(json={"data": [{"id": "somebody/a-model-with-a-long-name"}]})
    await held[0].continue_()
    await is_drawn(page)
    await expect(counting).to_have_count(0)
    assert [await each.bounding_box() for each in bar] == before


async def test_trouble_is_told_in_words_and_what_was_seen_stays(visitor: tuple[BrowserContext, Watch]) -> None:
    visitor[1].expect(r"503")
    page = await opened(visitor)
    await page.route("**/v1/dashboard?*", lambda route: route.fulfill(status=503, headers={"Retry-After": "5"}))

    await page.get_by_role("button", name="1 h", exact=True).click()

    await expect(page.get_by_role("alert").filter(has_text="Try again")).to_be_visible()
    assert await page.locator("article.stacked canvas").count() > 5


async def test_who_signs_out_leaves_nothing_to_see(visitor: tuple[BrowserContext, Watch]) -> None:
    page = await opened(visitor)

    await page.get_by_role("button", name="Sign out").click()

    await page.get_by_role("heading", name="Sign in to Headrace").wait_for()
    assert await page.locator("article").count() == 0
