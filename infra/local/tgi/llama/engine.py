"""The real engine: llama.cpp's own batching server inside this process, spoken to over a private socket.

Its server is the only part of llama.cpp that batches continuously, and its HTTP the only way to tokenize and to stream
without a thread for each answer. The socket lies in a folder of mode 0700, so nobody else can reach it.
"""

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import xllamacpp

from infra.errors import Unavailable
from infra.local.tgi.engine import Ask, Piece, Token
from infra.local.tgi.errors import EngineFailed
from infra.local.tgi.llama.processors import compute_threads
from infra.local.tgi.llama.wire import (
    ALL,
    completion_request,
    failure_of,
    forced_request,
    logprob_of,
    pieces_of,
    tokens_of,
)
from infra.local.tgi.slots import Slots

BATCH_TOKENS = 32  # read of a prompt at a time: the longest others wait, and the longest until a hang-up is noticed
SPARE_TOKENS = 16  # of context beyond the longest answer: it stops one short of a full one
BASE = "http://llama"
SOCKET = "llama.sock"


class LlamaEngine:
    """Tokens made by a GGUF model."""

    def __init__(self, model: Path, *, slots: int, max_total_tokens: int) -> None:
        self._model = model
        self._slot_count = slots
        self._max_total_tokens = max_total_tokens
        self._slots = Slots(slots)
        self._folder: Path | None = None
        self._server: Any = None
        self._session: aiohttp.ClientSession | None = None
        self._specials: dict[int, str] = {}
        self.chat_template = ""

    async def load(self) -> None:
        """Read the model and learn its chat template.

        Raises:
            Unavailable: it cannot be read.
        """
        folder, self._server = await asyncio.to_thread(self._start)
        self._folder = folder
        self._session = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(str(folder / SOCKET), limit=0, force_close=True),
            timeout=aiohttp.ClientTimeout(total=None),
            read_bufsize=2**20,
        )
        self.chat_template = (await self._call("GET", "/props"))["chat_template"]

    def _start(self) -> tuple[Path, Any]:
        folder = Path(tempfile.mkdtemp(prefix="headrace-"))
        try:
            return folder, xllamacpp.Server(self._params(folder / SOCKET))
        except RuntimeError as error:
            shutil.rmtree(folder)
            raise Unavailable("model", f"llama.cpp cannot load {self._model}: {error}") from None

    def _params(self, socket: Path) -> Any:
        params = xllamacpp.CommonParams()
        params.model.path = str(self._model)
        params.hostnames = [str(socket)]
        params.n_parallel = self._slot_count
        params.n_ctx = (self._max_total_tokens + SPARE_TOKENS) * self._slot_count
        params.n_batch = params.n_ubatch = max(BATCH_TOKENS, self._slot_count)
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = compute_threads()
        params.n_threads_http = 2 * self._slot_count + 4
        params.cache_ram_mib = 0
        params.cache_idle_slots = False
        params.fit_params = False
        params.ui = False
        params.verbosity = -1
        return params

    async def healthy(self) -> bool:
        """Whether its server says so."""
        try:
            async with asyncio.timeout(2):
                return bool((await self._call("GET", "/health")).get("status") == "ok")
        except (aiohttp.ClientError, EngineFailed, TimeoutError):
            return False

    async def tokenize(self, text: str) -> list[Piece]:
        """The model's own tokens."""
        request = {"content": text, "add_special": False, "parse_special": True, "with_pieces": True}
        return pieces_of(text, (await self._call("POST", "/tokenize", request))["tokens"])

    async def logprobs(self, ids: Sequence[int]) -> list[float | None]:
        """As TGI's prefill tells them: each token is forced after those before it, which costs a step a token."""
        async with self._slots:
            return [await self._logprob(ids[:place], each) if place else None for place, each in enumerate(ids)]

    async def _logprob(self, prompt: Sequence[int], token: int) -> float:
        told = await self._call("POST", "/completion", forced_request(prompt, token))
        if not told.get("completion_probabilities"):  # it says nothing of one that is but a part of a character
            whole = (await self.tokenize("a"))[0].id
            told = await self._call("POST", "/completion", forced_request(prompt, whole, n_probs=ALL))
        return logprob_of(told, token)

    def admit(self, _inputs: str) -> bool:
        """Always: the permits are bound enough."""
        return True

    async def generate(self, ask: Ask, on_start: Callable[[], None]) -> AsyncGenerator[Token, None]:
        """The model's answer; leaving early closes the connection, which stops the generation at its next step."""
        request = completion_request(ask)
        async with self._slots:
            on_start()
            try:
                async for token in self._tokens(request):
                    yield token
            except aiohttp.ClientError as error:
                raise EngineFailed(f"transport error: {error}") from error

    async def _tokens(self, request: dict[str, Any]) -> AsyncGenerator[Token, None]:
        made = 0
        special: Token | None = None  # held back until the next event tells whether it was the end
        async for event in self._events(request):
            if special is not None:
                yield replace(special, ends=event.get("stop_type") == "eos")
                special = None
            for token in await self._with_ids(tokens_of(event, made), event):
                made += 1
                if token.special:
                    special = replace(token, text=await self._special_text(token.id))
                else:
                    yield token
            if event.get("stop"):
                for _ in range(event["tokens_predicted"] - made):
                    yield Token(0, "", None)
                return

    async def _with_ids(self, tokens: list[Token], event: dict[str, Any]) -> list[Token]:
        """The first tokens of a character that took several come without ids: ask the tokenizer."""
        missing = len(tokens) - 1
        if missing <= 0:
            return tokens
        ids = [each.id for each in await self.tokenize(event["content"])]
        return [replace(each, id=number) for each, number in zip(tokens, ids[:missing], strict=False)] + tokens[-1:]

    async def _special_text(self, number: int) -> str:
        if number not in self._specials:
            told = await self._call("POST", "/detokenize", {"tokens": [number]})
            self._specials[number] = str(told["content"])
        return self._specials[number]

    async def _events(self, request: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        async with self._open.post(f"{BASE}/completion", json=request) as reply:
            if reply.status != 200:
                raise EngineFailed(failure_of(await reply.json()))
            async for line in reply.content:
                if line.startswith(b"data: "):
                    yield json.loads(line[6:])
                elif line.startswith(b"error: "):
                    raise EngineFailed(failure_of(json.loads(line[7:])))

    async def _call(self, method: str, path: str, request: dict[str, Any] | None = None) -> dict[str, Any]:
        async with self._open.request(method, f"{BASE}{path}", json=request) as reply:
            told: dict[str, Any] = await reply.json()
            if reply.status != 200:
                raise EngineFailed(failure_of(told))
            return told

    @property
    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise EngineFailed("the model is not loaded")
        return self._session

    async def close(self) -> None:
        """Stop its server and remove the socket."""
        if self._session is not None:
            await self._session.close()
        await asyncio.to_thread(self._drop)

    def _drop(self) -> None:
        """Its server stops when the last reference to it goes, which takes a moment."""
        self._server = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
