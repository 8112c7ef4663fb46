"""`headrace tgi`: the embedded model server, alone."""

from pathlib import Path

import click

from infra import service
from infra.clock import SystemClock
from infra.local.disk.transfer import Progress
from infra.local.tgi.app import Route
from infra.local.tgi.embedding.model import Embedder
from infra.local.tgi.embedding.route import embed_routes
from infra.local.tgi.engine import Engine
from infra.local.tgi.model import model_file
from infra.local.tgi.options import Options
from infra.local.tgi.server import serve
from infra.local.tgi.timed.control import control_routes
from infra.local.tgi.timed.engine import TimedEngine
from infra.local.tgi.timed.knobs import Knobs
from infra.settings import LocalSettings

_DEFAULT = Options()
_KNOBS = Knobs()
DEFAULT_SLOTS = 4


@click.command(epilog="Example: headrace tgi --port 8080 --slots 4")
@click.option("--hostname", default="127.0.0.1", show_default=True, help="address to listen on")
@click.option("--port", default=8080, show_default=True, help="port to listen on; 0: any free one")
@click.option("--port-file", type=click.Path(path_type=Path), help="write the port there once it is open")
@click.option("--model-id", default=_DEFAULT.model_id, show_default=True, help="the name the model goes by")
@click.option("--max-concurrent-requests", default=_DEFAULT.max_concurrent_requests, show_default=True, help="permits")
@click.option("--max-input-tokens", default=_DEFAULT.max_input_tokens, show_default=True, help="longest prompt")
@click.option("--max-total-tokens", default=_DEFAULT.max_total_tokens, show_default=True, help="prompt and answer")
@click.option("--max-best-of", default=_DEFAULT.max_best_of, show_default=True, help="largest best_of")
@click.option("--max-stop-sequences", default=_DEFAULT.max_stop_sequences, show_default=True, help="most stop texts")
@click.option("--max-top-n-tokens", default=_DEFAULT.max_top_n_tokens, show_default=True, help="largest top_n_tokens")
@click.option("--max-client-batch-size", default=_DEFAULT.max_client_batch_size, show_default=True, help="most prompts")
@click.option("--payload-limit", default=_DEFAULT.payload_limit_bytes, show_default=True, help="largest body in bytes")
@click.option("--api-key", default="", help="key that guarded routes ask for")
@click.option("--cors-allow-origin", multiple=True, help="origin that browsers may ask from; given none, any")
@click.option("--compute-type", envvar="COMPUTE_TYPE", default=_DEFAULT.compute_type, show_default=True, help="told as")
@click.option("--disable-grammar-support", is_flag=True, help="refuse grammars and tools")
@click.option("--embeddings", is_flag=True, help="serve TEI's /embed too, which no TGI has")
@click.option(
    "--model-file",
    "model_path",
    type=click.Path(path_type=Path, exists=True),
    help="a GGUF to serve instead of our own",
)
@click.option("--timed", is_flag=True, help="answer by the clock instead of by a model")
@click.option("--first-token-ms", default=_KNOBS.first_token_ms, show_default=True, help="timed: until the first token")
@click.option("--token-ms", default=_KNOBS.token_ms, show_default=True, help="timed: between tokens")
@click.option("--answer-tokens", default=_KNOBS.answer_tokens, show_default=True, help="timed: natural length")
@click.option("--slots", default=0, help="answers made at a time; the rest queue. 0: timed unbounded, model 4")
@click.option("--overload-rate", default=0.0, help="timed: share of requests answered 429")
@click.option("--error-rate", default=0.0, help="timed: share of answers that fail (424)")
@click.option("--cut-rate", default=0.0, help="timed: share of answers hung up on")
@click.option("--garbage-rate", default=0.0, help="timed: share of answers that turn into garbage")
@click.option("--after-tokens", default=_KNOBS.after_tokens, show_default=True, help="timed: when those go wrong")
def tgi(  # noqa: PLR0913 # one parameter for each of TGI's options
    *,
    hostname: str,
    port: int,
    port_file: Path | None,
    model_id: str,
    max_concurrent_requests: int,
    max_input_tokens: int,
    max_total_tokens: int,
    max_best_of: int,
    max_stop_sequences: int,
    max_top_n_tokens: int,
    max_client_batch_size: int,
    payload_limit: int,
    api_key: str,
    cors_allow_origin: tuple[str, ...],
    compute_type: str,
    disable_grammar_support: bool,
    embeddings: bool,
    model_path: Path | None,
    timed: bool,
    first_token_ms: float,
    token_ms: float,
    answer_tokens: int,
    slots: int,
    overload_rate: float,
    error_rate: float,
    cut_rate: float,
    garbage_rate: float,
    after_tokens: int,
) -> None:
    """Serve the embedded model as TGI 3.3 would, until SIGTERM or Ctrl-C.

    Ready when GET /health says 200. With --timed, tokens come by the clock and faults to order (PUT /timed/knobs,
    POST /timed/faults), for tests and benchmarks.
    """
    options = Options(
        model_id=model_id,
        max_concurrent_requests=max_concurrent_requests,
        max_best_of=max_best_of,
        max_stop_sequences=max_stop_sequences,
        max_top_n_tokens=max_top_n_tokens,
        max_input_tokens=max_input_tokens,
        max_total_tokens=max_total_tokens,
        max_client_batch_size=max_client_batch_size,
        payload_limit_bytes=payload_limit,
        api_key=api_key,
        cors_allow_origin=cors_allow_origin,
        compute_type=compute_type,
        grammar_support=not disable_grammar_support,
    )
    knobs = Knobs(
        first_token_ms=first_token_ms,
        token_ms=token_ms,
        answer_tokens=answer_tokens,
        slots=slots,
        overload_rate=overload_rate,
        error_rate=error_rate,
        cut_rate=cut_rate,
        garbage_rate=garbage_rate,
        after_tokens=after_tokens,
    )
    engine, extra = _timed(knobs) if timed else _embedded(options, model_path, slots or DEFAULT_SLOTS)
    extra |= embed_routes(Embedder()) if embeddings else {}
    service.run(
        lambda host: serve(
            host, options, engine, SystemClock(), hostname=hostname, port=port, port_file=port_file, extra=extra
        ),
        name="tgi",
    )


def _timed(knobs: Knobs) -> tuple[Engine, dict[str, Route]]:
    engine = TimedEngine(knobs)
    return engine, control_routes(engine)


def _embedded(options: Options, given: Path | None, slots: int) -> tuple[Engine, dict[str, Route]]:
    # Imported only here: llama.cpp is a large library, and the timed server starts without it.
    from infra.local.tgi.llama.engine import LlamaEngine  # noqa: PLC0415

    found = given or model_file(LocalSettings.from_env(), _show_progress())
    return LlamaEngine(found, slots=slots, max_total_tokens=options.max_total_tokens), {}


def _show_progress() -> Progress:
    """Tenths of the download, one line each, on standard error."""
    told: set[int] = set()

    def show(done_bytes: int, total_bytes: int) -> None:
        tenths = 10 * done_bytes // max(total_bytes, 1)
        if tenths not in told:
            told.add(tenths)
            click.echo(f"model: {10 * tenths} % of {total_bytes >> 20} MB", err=True)

    return show
