"""What an answer cost in time and tokens, as its headers and its usage tell."""

from dataclasses import dataclass, field
from time import perf_counter

from infra.local.tgi.answer import Final


@dataclass
class Times:
    """When each stage of one request was over."""

    arrived_s: float = field(default_factory=perf_counter)
    validated_s: float = 0.0
    started_s: float = 0.0
    ended_s: float = 0.0


@dataclass(frozen=True)
class Cost:
    """What answers cost, for the headers; costs add up."""

    prompt_tokens: int
    generated_tokens: int
    total_s: float
    validation_s: float
    queue_s: float
    inference_s: float

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.prompt_tokens + other.prompt_tokens,
            self.generated_tokens + other.generated_tokens,
            self.total_s + other.total_s,
            self.validation_s + other.validation_s,
            self.queue_s + other.queue_s,
            self.inference_s + other.inference_s,
        )

    def usage(self) -> dict[str, int]:
        """As the OpenAI-style routes tell it."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.generated_tokens,
            "total_tokens": self.prompt_tokens + self.generated_tokens,
        }

    def headers(self, characters: int, *, compute_time: bool = True) -> dict[str, str]:
        """The x- headers; times in whole milliseconds but the first."""
        told = {
            "x-compute-characters": str(characters),
            "x-total-time": _ms(self.total_s),
            "x-validation-time": _ms(self.validation_s),
            "x-queue-time": _ms(self.queue_s),
            "x-inference-time": _ms(self.inference_s),
            "x-time-per-token": _ms(self.inference_s / max(self.generated_tokens, 1)),
            "x-prompt-tokens": str(self.prompt_tokens),
            "x-generated-tokens": str(self.generated_tokens),
        }
        return {**told, "x-compute-time": f"{self.total_s:.9f}"} if compute_time else told


def cost_of(final: Final, times: Times) -> Cost:
    """What one answer cost."""
    return Cost(
        prompt_tokens=final.input_length,
        generated_tokens=final.generated_tokens,
        total_s=times.ended_s - times.arrived_s,
        validation_s=times.validated_s - times.arrived_s,
        queue_s=times.started_s - times.validated_s,
        inference_s=times.ended_s - times.started_s,
    )


def _ms(seconds: float) -> str:
    return str(int(seconds * 1000))
