"""What the types of bodies cannot say of their fields: what they mean, and their bounds, in JSON Schema's words.

A bound that is told here is held elsewhere (`producers/prompts` most of all), and taken from there where it has a name.
"""

from collections.abc import Mapping
from typing import Any, Final, get_args

from gateway.access.tickets import OPENED
from gateway.batches.asking import ENDPOINTS
from gateway.batches.handlers import WINDOW
from gateway.tickets import LONGEST_PATH
from producers.events import LANES, CacheUse, FeedbackKind, Truncation
from producers.files.store import LONGEST_LIFE_S, SHORTEST_LIFE_S
from producers.prompts import bounds, items, reading, responses, tools, unserved

Notes = Mapping[str, Mapping[str, Any]]


def _unserved(fields: Mapping[str, tuple[Any, ...]]) -> Notes:
    """Fields that OpenAI knows: what they may be, which asks for nothing."""
    return {
        name.removesuffix("_"): {"description": "Not served here.", "enum": [None, *nothing]}
        for name, nothing in fields.items()
        if name != "service_tier"
    }


_TEXT: Final = {"minLength": 1, "maxLength": bounds.LONGEST_NAME}
_SAMPLING: Final[Notes] = {
    "model": {"description": "A name that `GET /v1/models` lists."},
    "temperature": {"description": "0 always takes the likeliest token.", "minimum": 0, "maximum": 2},
    "top_p": {
        "description": "Draw only from the likeliest tokens that together have this weight.",
        "minimum": 0,
        "maximum": 1,
    },
    "top_logprobs": {
        "description": "How many of the likeliest tokens are told beside each.",
        "minimum": 0,
        "maximum": reading.MOST_TOP_LOGPROBS,
    },
    "metadata": {"description": "Your own words, kept with it.", "maxProperties": bounds.MOST_PAIRS},
    "user": {"description": "Whoever asks through you.", **_TEXT},
    "safety_identifier": {"description": "The same, by a name that tells nothing of them.", **_TEXT},
    "prompt_cache_key": {"description": "Taken; what the model server caches is its own affair.", **_TEXT},
    "lane": {"description": "How much of a hurry there is.", "enum": list(LANES)},
    "truncation": {
        "description": "Of a prompt that does not fit the window, drop the oldest turns or refuse it.",
        "enum": sorted(get_args(Truncation)),
    },
    "cache": {
        "description": "Whether an earlier answer to the same prompt will do.",
        "enum": sorted(get_args(CacheUse)),
    },
    "deadline": {"description": "A time (RFC 3339), or seconds from now: what is not answered by then, is not."},
    "webhook": {"description": "Where its end is told, signed (Standard Webhooks)."},
    "service_tier": {"description": "There is one.", "enum": ["auto", "default"]},
    "parallel_tool_calls": {"description": "Whether it may call several tools at once."},
    "tools": {"description": "The functions that may be called.", "maxItems": tools.MOST_TOOLS},
    "tool_choice": {"description": "`none`, `auto`, `required`, the one that must be called, or those that may be."},
}
_TITLED: Final[Notes] = {
    "title": {"minLength": 1, "maxLength": 200},
    "metadata": {"description": "In place of all there was.", "maxProperties": bounds.MOST_PAIRS},
}

NOTES: Final[Mapping[str, Notes]] = {
    "PromptBody": {
        **_unserved(unserved.NEUTRAL),
        **_SAMPLING,
        "messages": {"description": "What was said so far; of a conversation only the new turn.", "minItems": 1},
        "input": {"description": "Short for one message of the user; for jobs only."},
        "max_tokens": {"description": "`max_completion_tokens` under its old name.", "minimum": 1},
        "max_completion_tokens": {"description": "The longest answer that is wanted.", "minimum": 1},
        "stop": {"description": f"Up to {reading.MOST_STOPS} texts before which the answer ends."},
        "seed": {
            "description": "The same seed draws the same tokens.",
            "minimum": reading.LEAST_SEED,
            "maximum": reading.MOST_SEED,
        },
        "presence_penalty": {"minimum": -2, "maximum": 2},
        "frequency_penalty": {"minimum": -2, "maximum": 2},
        "n": {"description": "How many answers.", "minimum": 1, "maximum": reading.MOST_CHOICES},
        "logprobs": {"description": "With the log-probabilities of the tokens."},
        "response_format": {"description": "What the answer must be; the model server's grammar sees to it."},
        "store": {"description": "Whether it is on the list of stored chat completions."},
        "stream": {"description": "As server-sent events; for chat completions only."},
        "conversation": {"description": "The conversation whose next turn this is.", **_TEXT},
        "replaces": {"description": "The job of the last turn, in whose place this one is.", **_TEXT},
    },
    "ResponseBody": {
        **_unserved(responses.NEUTRAL),
        **_SAMPLING,
        "input": {"description": "A text, or items; behind those of `previous_response_id` or `conversation`."},
        "max_output_tokens": {"description": "The longest answer that is wanted.", "minimum": 1},
        "instructions": {
            "description": "What the model is told first; for this response only.",
            "minLength": 1,
        },
        "background": {"description": "Answer at once that it is queued, and go on without a reader."},
        "store": {"description": "Whether it can be asked for later."},
        "stream": {"description": "As server-sent events."},
        "previous_response_id": {"description": "The response that this one goes on from.", **_TEXT},
        "text": {"description": "What the answer must be."},
    },
    "MessageBody": {
        **_unserved(unserved.NEUTRAL_IN_MESSAGE),
        "role": {"enum": sorted(reading.ROLES)},
        "name": _TEXT,
        "tool_call_id": {"description": "Of a result: the id of the call."},
    },
    "TextPart": {"type": {"enum": ["text"]}},
    "ToolCallBody": {"type": {"enum": ["function"]}},
    "ToolBody": {"type": {"enum": ["function"]}},
    "NamedTool": {"type": {"enum": ["allowed_tools", "function"]}},
    "ToolReference": {"type": {"enum": ["function"]}},
    "ToolName": {"type": {"enum": ["function"]}},
    "AllowedTools": {"mode": {"enum": ["auto", "required"]}},
    "ResponseTool": {**_unserved(responses.NEUTRAL_IN_TOOL), "type": {"enum": ["function"]}},
    "ResponseChoice": {"type": {"enum": ["allowed_tools", "function"]}, "mode": {"enum": ["auto", "required"]}},
    "FormatBody": {"type": {"enum": ["json_object", "json_schema", "text"]}},
    "ResponseFormat": {"type": {"enum": ["json_object", "json_schema", "text"]}},
    "ItemBody": {
        **_unserved(items.NEUTRAL_IN_ITEM),
        "type": {"enum": ["function_call", "function_call_output", "message"]},
        "role": {"enum": sorted(items.ROLES)},
    },
    "PartBody": {"type": {"enum": ["input_text", "output_text", "text"]}},
    "WebhookBody": {"url": {"format": "uri", "maxLength": bounds.LONGEST_URL}},
    "AskedMetadata": {"metadata": _TITLED["metadata"]},
    "AskedConversation": _TITLED,
    "AskedUpdate": _TITLED,
    "AskedItems": {"items": {"minItems": 1, "maxItems": 20}},
    "AskedFeedback": {
        "kind": {"enum": sorted(get_args(FeedbackKind))},
        "value": {
            "description": 'thumb: "up" or "down"; score: from 0 to 1; correction: the ideal answer; preference: the '
            "id of the job whose answer is better."
        },
        "author": {"description": "Who judges.", "maxLength": 128},
        "tags": {"maxItems": 16},
    },
    "AskedBatch": {
        "endpoint": {"description": "What every line asks.", "enum": sorted(ENDPOINTS)},
        "completion_window": {"enum": [WINDOW]},
        "metadata": {"maxProperties": bounds.MOST_PAIRS},
    },
    "ExpiresAfter": {
        "anchor": {"enum": ["created_at"]},
        "seconds": {"minimum": SHORTEST_LIFE_S, "maximum": LONGEST_LIFE_S},
    },
    "AskedEmbeddings": {
        "input": {"description": "A text, or a list of texts."},
        "encoding_format": {"enum": ["base64", "float"]},
        "dimensions": {"minimum": 1},
        "user": _TEXT,
    },
    "AskedTicket": {
        "path": {"description": "What it is to open.", "maxLength": LONGEST_PATH, "pattern": f"^({OPENED})$"}
    },
    "AskedMarkdown": {"texts": {"maxItems": 64}},
}
