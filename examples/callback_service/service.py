"""A web service that takes its users' questions, submits each as a job with a webhook to itself, and shows the answers.

$ HEADRACE_WEBHOOKS__ALLOW_LOOPBACK=1 headrace up      # in another terminal, in this folder
$ python examples/callback_service/service.py          # then open http://127.0.0.1:8090

It holds no connection and polls nobody while the model works, and may be killed at any moment: what it knows is in a
file of SQLite's, and a webhook that it did not answer comes again under the same id.
"""

import argparse
import asyncio
import html
import sqlite3
from pathlib import Path

from aiohttp import web

from gateway.client import AsyncHeadrace, HeadraceError, WrongWebhook, webhooks
from infra import stack_file
from infra.settings import LocalSettings

PAGE = """<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Questions</title>{refresh}
<style>body {{ font: 1rem system-ui; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; color-scheme: light dark }}
input {{ width: 75%; font: inherit }} li {{ margin: 1rem 0; white-space: pre-wrap }}</style>
<form method="post" action="/ask">
<input name="question" required autofocus placeholder="A question"> <button>Ask</button></form>
<ol reversed>{items}</ol>"""

HEADRACE = web.AppKey("headrace", AsyncHeadrace)
SECRETS = web.AppKey("secrets", tuple[str, ...])


class Answers:
    """What was asked and answered, and which webhooks were seen; every method may be called again."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path)
        self._database.executescript(
            "CREATE TABLE IF NOT EXISTS answers (job PRIMARY KEY, question, status DEFAULT 'queued', answer);"
            "CREATE TABLE IF NOT EXISTS seen (webhook_id PRIMARY KEY);"
        )

    def ask(self, job_id: str, question: str) -> None:
        """Keep a question; its answer may have come before."""
        with self._database:
            self._database.execute(
                "INSERT INTO answers (job, question) VALUES (?, ?) "
                "ON CONFLICT (job) DO UPDATE SET question=excluded.question",
                (job_id, question),
            )

    def seen(self, webhook_id: str) -> bool:
        """Whether this webhook was dealt with."""
        return self._database.execute("SELECT 1 FROM seen WHERE webhook_id=?", (webhook_id,)).fetchone() is not None

    def answer(self, webhook_id: str, job_id: str, status: str, answer: str) -> None:
        """Keep an answer and that its webhook was dealt with: both, or neither."""
        with self._database:
            self._database.execute("INSERT OR IGNORE INTO seen VALUES (?)", (webhook_id,))
            self._database.execute(
                "INSERT INTO answers (job, status, answer) VALUES (?, ?, ?) "
                "ON CONFLICT (job) DO UPDATE SET status=excluded.status, answer=excluded.answer",
                (job_id, status, answer),
            )

    def all(self) -> list[tuple[str, str, str, str]]:
        """Job, question, status and answer of each, newest first."""
        query = "SELECT job, coalesce(question, ''), status, coalesce(answer, '') FROM answers ORDER BY rowid DESC"
        return self._database.execute(query).fetchall()


ANSWERS = web.AppKey("answers", Answers)


async def show(request: web.Request) -> web.Response:
    """The page: every question with its answer; what comes from a model or a user stays text."""
    known = request.app[ANSWERS].all()
    items = "".join(
        f"<li><b>{html.escape(question)}</b>\n<i>{html.escape(status)}</i> {html.escape(answer)}</li>"
        for _, question, status, answer in known
    )
    waiting = any(status == "queued" for _, _, status, _ in known)
    refresh = '<meta http-equiv="refresh" content="1">' if waiting else ""
    return web.Response(text=PAGE.format(items=items, refresh=refresh), content_type="text/html")


async def ask(request: web.Request) -> web.Response:
    """Take a question, and let Headrace call back when its answer is there."""
    question = str((await request.post()).get("question", ""))
    callback = str(request.url.origin() / "webhook")
    try:
        job = await request.app[HEADRACE].jobs.submit(question, webhook=callback, max_tokens=80)
    except HeadraceError as error:
        return web.Response(status=502, text=f"The question could not be handed in: {error}")
    request.app[ANSWERS].ask(job.id, question)
    raise web.HTTPSeeOther("/")


async def called_back(request: web.Request) -> web.Response:
    """A job has ended: verify who says so, pass over what was seen before, fetch the answer and keep it."""
    answers = request.app[ANSWERS]
    try:
        told = webhooks.verify(await request.read(), request.headers, request.app[SECRETS])
    except WrongWebhook as error:
        return web.Response(status=401, text=str(error))
    if not answers.seen(told.webhook_id):
        # If this fails we answer 500, and the same webhook comes again.
        job = await request.app[HEADRACE].jobs.get(told.data.id)
        text = job.text if job.text is not None else job.failure
        answers.answer(told.webhook_id, job.id, job.status, text)
    return web.Response(status=204)


def create_app(headrace: AsyncHeadrace, answers: Answers, secrets: tuple[str, ...]) -> web.Application:
    """The service as an application."""
    app = web.Application()
    app[HEADRACE], app[ANSWERS], app[SECRETS] = headrace, answers, secrets
    app.add_routes([web.get("/", show), web.post("/ask", ask), web.post("/webhook", called_back)])
    return app


async def serve(port: int, database: Path, secrets: tuple[str, ...]) -> None:
    """Serve until Ctrl-C."""
    async with AsyncHeadrace() as headrace:
        runner = web.AppRunner(create_app(headrace, Answers(database), secrets))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        print(f"http://127.0.0.1:{port}", flush=True)
        try:
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()


def main() -> None:
    """Read the command line; the webhook secret is that of the stack running here, if none is given."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--database", type=Path, default=Path("answers.sqlite"))
    parser.add_argument("--secret", action="append", help="whsec_… of the key; give two while one replaces the other")
    given = parser.parse_args()
    stack = stack_file.read(LocalSettings.from_env())
    secrets = tuple(given.secret or ([stack.webhook_secret] if stack else []))
    if not secrets:
        parser.error("no stack runs here: give --secret")
    try:
        asyncio.run(serve(given.port, given.database, secrets))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
