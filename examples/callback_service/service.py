"""A web service that takes its users' questions, submits each as a job with a webhook to itself, and shows the answers.

$ HEADRACE_WEBHOOKS__ALLOW_LOOPBACK=1 headrace up      # in another terminal, in this folder
$ python examples/callback_service/service.py          # then open http://127.0.0.1:8090

It holds no connection and polls nobody while the model works, and may be killed at any moment: a question is in a file
of SQLite's before it is handed in, and is handed in again where it was not known to be taken. Its key there is the
idempotency key, so that it makes one job all the same; and a webhook that was not answered comes again.
"""

import argparse
import asyncio
import html
import secrets
import sqlite3
import sys
from contextlib import suppress
from pathlib import Path

from aiohttp import web

from gateway.client import AsyncHeadrace, WrongKey, WrongWebhook, webhooks
from infra import stack_file
from infra.errors import NeverTryAgain, TryAgain
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
CALLBACK = web.AppKey("callback", str)
AGAIN_S = 5.0
NOT_NOW = (TryAgain, WrongKey)
"""After these a question waits: Headrace may come back, and a key that was revoked is replaced by who runs us."""


class Answers:
    """What was asked and answered, and which webhooks were seen; every method but `ask` may be called again."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path)
        self._database.executescript(
            "CREATE TABLE IF NOT EXISTS questions (key PRIMARY KEY, question, job, status DEFAULT 'queued', answer);"
            "CREATE TABLE IF NOT EXISTS seen (webhook_id PRIMARY KEY);"
        )

    def ask(self, question: str) -> str:
        """Keep a question; its idempotency key."""
        key = secrets.token_urlsafe()
        with self._database:
            self._database.execute("INSERT INTO questions (key, question) VALUES (?, ?)", (key, question))
        return key

    def taken(self, key: str, job_id: str) -> None:
        """Keep which job a question has become."""
        with self._database:
            self._database.execute("UPDATE questions SET job=? WHERE key=?", (job_id, key))

    def refused(self, key: str, reason: str) -> None:
        """Keep that a question will never become a job."""
        with self._database:
            self._database.execute("UPDATE questions SET status='refused', answer=? WHERE key=?", (reason, key))

    def not_taken(self) -> list[tuple[str, str]]:
        """Key and question of each of which no job is known."""
        query = "SELECT key, question FROM questions WHERE job IS NULL AND status='queued' ORDER BY rowid"
        return self._database.execute(query).fetchall()

    def seen(self, webhook_id: str) -> bool:
        """Whether this webhook was dealt with."""
        return self._database.execute("SELECT 1 FROM seen WHERE webhook_id=?", (webhook_id,)).fetchone() is not None

    def answer(self, webhook_id: str, key: str, job_id: str, status: str, answer: str) -> None:
        """Keep an answer and that its webhook was dealt with: both, or neither."""
        with self._database:
            self._database.execute("INSERT OR IGNORE INTO seen VALUES (?)", (webhook_id,))
            self._database.execute(
                "UPDATE questions SET job=?, status=?, answer=? WHERE key=?", (job_id, status, answer, key)
            )

    def all(self) -> list[tuple[str, str, str]]:
        """Question, status and answer of each, newest first."""
        query = "SELECT question, status, coalesce(answer, '') FROM questions ORDER BY rowid DESC"
        return self._database.execute(query).fetchall()


ANSWERS = web.AppKey("answers", Answers)


async def show(request: web.Request) -> web.Response:
    """The page: every question with its answer; what comes from a model or a user stays text."""
    known = request.app[ANSWERS].all()
    items = "".join(
        f"<li><b>{html.escape(question)}</b>\n<i>{html.escape(status)}</i> {html.escape(answer)}</li>"
        for question, status, answer in known
    )
    waiting = any(status == "queued" for _, status, _ in known)
    refresh = '<meta http-equiv="refresh" content="1">' if waiting else ""
    return web.Response(text=PAGE.format(items=items, refresh=refresh), content_type="text/html")


async def ask(request: web.Request) -> web.Response:
    """Take a question, and let Headrace call back when its answer is there."""
    question = str((await request.post()).get("question", ""))
    key = request.app[ANSWERS].ask(question)
    with suppress(*NOT_NOW):
        await hand_in(request.app, key, question)
    raise web.HTTPSeeOther("/")


async def hand_in(app: web.Application, key: str, question: str) -> None:
    """Make a job of a question; again, it is the same job. Raises what is in `NOT_NOW`."""
    # The browser's Host header is not asked: whoever forges it would have the answer sent elsewhere.
    try:
        job = await app[HEADRACE].jobs.submit(
            question, webhook=app[CALLBACK], max_tokens=80, metadata={"key": key}, idempotency_key=key
        )
    except WrongKey as error:
        print(error, file=sys.stderr)
        raise
    except NeverTryAgain as error:
        app[ANSWERS].refused(key, str(error))
    else:
        app[ANSWERS].taken(key, job.id)


async def hand_in_again(app: web.Application) -> None:
    """Hand in, from now on, what is not known to be taken: we were killed, or Headrace was gone."""
    while True:
        with suppress(*NOT_NOW):
            for key, question in app[ANSWERS].not_taken():
                await hand_in(app, key, question)
        await asyncio.sleep(AGAIN_S)


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
        answers.answer(told.webhook_id, job.metadata.get("key", ""), job.id, job.status, text)
    return web.Response(status=204)


def create_app(headrace: AsyncHeadrace, answers: Answers, keys: tuple[str, ...], public_url: str) -> web.Application:
    """The service as an application."""
    app = web.Application()
    app[HEADRACE], app[ANSWERS], app[SECRETS] = headrace, answers, keys
    app[CALLBACK] = f"{public_url.rstrip('/')}/webhook"
    app.add_routes([web.get("/", show), web.post("/ask", ask), web.post("/webhook", called_back)])
    return app


async def serve(port: int, database: Path, keys: tuple[str, ...], public_url: str) -> None:
    """Serve until Ctrl-C."""
    async with AsyncHeadrace() as headrace:
        app = create_app(headrace, Answers(database), keys, public_url)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        print(f"http://127.0.0.1:{port}", flush=True)
        try:
            await hand_in_again(app)
        finally:
            await runner.cleanup()


def main() -> None:
    """Read the command line; the webhook secret is that of the stack running here, if none is given."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--public-url", help="where Headrace reaches this service, if not at http://127.0.0.1:PORT")
    parser.add_argument("--database", type=Path, default=Path("answers.sqlite"))
    parser.add_argument("--secret", action="append", help="whsec_… of the key; give two while one replaces the other")
    given = parser.parse_args()
    public_url = given.public_url or f"http://127.0.0.1:{given.port}"
    stack = stack_file.read(LocalSettings.from_env())
    known = tuple(given.secret or ([stack.webhook_secret] if stack else []))
    if not known:
        parser.error("no stack runs here: give --secret")
    try:
        asyncio.run(serve(given.port, given.database, known, public_url))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
