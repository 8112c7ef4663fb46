"""The shapes of TGI's request bodies. Unknown fields are ignored; a null is accepted only where `None` stands."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from infra.local.tgi.requests.serde import SEED_TOO_LARGE

U32 = Annotated[int, Meta(ge=0, le=2**32 - 1)]
I32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
USize = Annotated[int, Meta(ge=0)]
GrammarKind = Literal["json", "json_object", "regex", "json_schema"]


class Grammar(Struct):
    """The form an answer must have."""

    type: GrammarKind
    value: Any


class Parameters(Struct):
    """`parameters` of `/generate`."""

    best_of: USize | None = None
    temperature: float | None = None
    repetition_penalty: float | None = None
    frequency_penalty: float | None = None
    top_k: I32 | None = None
    top_p: float | None = None
    typical_p: float | None = None
    do_sample: bool = False
    max_new_tokens: U32 | None = None
    return_full_text: bool | None = None
    stop: list[str] = []
    truncate: USize | None = None
    watermark: bool = False
    details: bool = False
    decoder_input_details: bool = False
    seed: USize | None = None
    top_n_tokens: U32 | None = None
    grammar: Grammar | None = None
    adapter_id: str | None = None

    def __post_init__(self) -> None:
        """A seed is an unsigned number of 64 bits."""
        if self.seed is not None and self.seed >= 2**64:
            raise ValueError(SEED_TOO_LARGE)


class GenerateRequest(Struct):
    """Body of `/generate`, `/generate_stream` and `/tokenize`; without `parameters` TGI samples."""

    inputs: str
    parameters: Parameters | UnsetType = UNSET
    add_special_tokens: bool = True

    def chosen(self) -> Parameters:
        """The parameters given, or those TGI takes when there are none."""
        return Parameters(do_sample=True) if self.parameters is UNSET else self.parameters


class CompatRequest(GenerateRequest):
    """Body of `/`."""

    stream: bool = False


class ImageUrl(Struct):
    """Where an image lies."""

    url: str


class ContentPart(Struct):
    """One part of a message."""

    type: Literal["text", "image_url"]
    text: str | None = None
    image_url: ImageUrl | None = None


class FunctionCall(Struct):
    """The function a tool call names."""

    name: str
    arguments: Any = None
    description: str | None = None


class ToolCall(Struct):
    """One tool call of an assistant's message."""

    id: str
    function: FunctionCall
    type: str = "function"


class Message(Struct):
    """One message of a conversation; `content` may be missing only beside tool calls."""

    role: str
    content: str | list[ContentPart] | None = None
    tool_calls: list[ToolCall] | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        """TGI knows a message with content and a message with tool calls, nothing else."""
        if self.content is None and self.tool_calls is None:
            raise ValueError("data did not match any variant of untagged enum MessageBody")


class Function(Struct):
    """A function the model may call; `arguments` is an alias of `parameters`, and one of them must be there."""

    name: str
    description: str | None = None
    parameters: Any = UNSET
    arguments: Any = UNSET

    def __post_init__(self) -> None:
        """The schema of the arguments is required."""
        if self.parameters is UNSET and self.arguments is UNSET:
            raise ValueError("missing field `arguments`")

    @property
    def schema(self) -> Any:
        """The JSON schema of the arguments."""
        return self.arguments if self.parameters is UNSET else self.parameters


class Tool(Struct):
    """One tool of a chat request."""

    function: Function
    type: str = "function"


class StreamOptions(Struct):
    """`stream_options`: only the usage can be asked for."""

    include_usage: bool = False


class ChatRequest(Struct):
    """Body of `/v1/chat/completions` and `/chat_tokenize`."""

    messages: list[Message]
    model: str | None = None
    frequency_penalty: float | None = None
    logit_bias: list[float] | None = None
    logprobs: bool | None = None
    top_logprobs: U32 | None = None
    max_tokens: U32 | UnsetType | None = UNSET
    max_completion_tokens: U32 | UnsetType | None = UNSET
    n: U32 | None = None
    presence_penalty: float | None = None
    stop: list[str] | None = None
    stream: bool = False
    seed: USize | None = None
    temperature: float | None = None
    top_p: float | None = None
    tools: list[Tool] | None = None
    tool_prompt: str | None = None
    tool_choice: Any = None
    response_format: Grammar | None = None
    stream_options: StreamOptions | UnsetType = UNSET

    def __post_init__(self) -> None:
        """`max_completion_tokens` is another name of `max_tokens`: both together are one field twice."""
        if self.max_tokens is not UNSET and self.max_completion_tokens is not UNSET:
            raise ValueError("duplicate field `max_tokens`")

    @property
    def limit(self) -> int | None:
        """How many tokens may be made, if it was said."""
        given = self.max_tokens if self.max_completion_tokens is UNSET else self.max_completion_tokens
        return None if given is UNSET else given

    @property
    def usage_wanted(self) -> bool:
        """Whether a stream shall end with its usage."""
        return self.stream_options is not UNSET and self.stream_options.include_usage


class CompletionRequest(Struct):
    """Body of `/v1/completions`."""

    prompt: str | list[str]
    model: str | None = None
    max_tokens: U32 | None = None
    seed: USize | None = None
    temperature: float | None = None
    top_p: float | None = None
    stream: bool = False
    repetition_penalty: float | None = None
    frequency_penalty: float | None = None
    suffix: str | None = None
    stop: list[str] | None = None

    def __post_init__(self) -> None:
        """No prompt at all is refused while parsing."""
        if self.prompt == []:
            raise ValueError("Empty array detected. Do not use an empty array for the prompt.")

    @property
    def prompts(self) -> list[str]:
        """Every prompt of the request."""
        return [self.prompt] if isinstance(self.prompt, str) else self.prompt


class VertexRequest(Struct):
    """Body of `/vertex`."""

    instances: list[GenerateRequest]
