"""The shapes of chat answers: whole messages, chunks of a stream, tool calls, log-probabilities."""

from typing import Any

from infra.local.tgi.answer import Step
from infra.local.tgi.engine import Token
from infra.local.tgi.errors import TgiRefusal
from infra.local.tgi.requests.wire import ChatRequest, Grammar, Parameters
from infra.local.tgi.service import Service, Whole
from infra.local.tgi.tools import Call

FINISH = {"eos_token": "stop", "length": "length", "stop_sequence": "stop_sequence"}


def parameters(asked: ChatRequest, grammar: Grammar | None) -> Parameters:
    """What the native route would have been told; temperature 0 is greedy, and a presence penalty counts from 2."""
    greedy = asked.temperature == 0.0
    repetition = None if asked.presence_penalty is None else asked.presence_penalty + 2.0
    return Parameters(
        best_of=1,
        temperature=None if greedy else asked.temperature,
        repetition_penalty=repetition,
        frequency_penalty=asked.frequency_penalty,
        top_p=asked.top_p,
        do_sample=not greedy,
        max_new_tokens=asked.limit,
        stop=asked.stop or [],
        details=not asked.stream,
        seed=asked.seed,
        top_n_tokens=asked.top_logprobs,
        grammar=grammar,
    )


def head(service: Service, asked: ChatRequest, kind: str) -> dict[str, Any]:
    """What every answer and chunk begins with; the model is echoed, whatever it is."""
    return {
        "object": kind,
        "id": "",
        "created": int(service.clock.now_ms() / 1000),
        "model": service.options.model_id if asked.model in {None, "tgi"} else asked.model,
        "system_fingerprint": service.options.fingerprint,
    }


def choice(made: Whole, asked: ChatRequest, call: Call | None) -> dict[str, Any]:
    """The one choice of a whole answer: a text, or a call."""
    message: dict[str, Any] = {"role": "assistant"}
    if call is None:
        message["content"] = made.final.generated_text
    else:
        function = {"description": None, "name": call.name, "arguments": call.arguments}
        message["tool_calls"] = [{"id": "0", "type": "function", "function": function}]
    return {
        "index": 0,
        "message": message,
        "logprobs": logprobs(made.tokens) if asked.logprobs else None,
        "finish_reason": FINISH[made.final.finish_reason],
    }


def text_chunk(step: Step, asked: ChatRequest) -> dict[str, Any]:
    """One token of a stream; the reason to finish rides on the last one."""
    return {
        "index": 0,
        "delta": {"role": "assistant", "content": "" if step.token.special else step.token.text},
        "logprobs": logprobs([step.token]) if asked.logprobs else None,
        "finish_reason": FINISH[step.final.finish_reason] if step.final else None,
    }


def call_chunk(number: str, name: str | None, arguments: str) -> dict[str, Any]:
    """One piece of a streamed call; only the first names the function, and none tells a reason to finish."""
    call = {"index": 0, "id": number, "type": "function", "function": {"name": name, "arguments": arguments}}
    return {
        "index": 0,
        "delta": {"role": "assistant", "tool_calls": [call]},
        "logprobs": None,
        "finish_reason": None,
    }


def logprobs(tokens: list[Token]) -> dict[str, Any]:
    """The log-probabilities of tokens; TGI tells no bytes."""
    return {
        "content": [
            {
                "token": each.text,
                "logprob": each.logprob,
                "top_logprobs": [{"token": top.text, "logprob": top.logprob} for top in each.top],
            }
            for each in tokens
        ]
    }


def stream_error(refused: TgiRefusal) -> dict[str, Any]:
    """The error event of the OpenAI-style routes: its status is 422 whatever went wrong."""
    return {"error": {"message": str(refused), "http_status_code": 422}}
