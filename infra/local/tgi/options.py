"""The limits of the server, under the names of TGI's own command line."""

from dataclasses import dataclass

from infra.errors import WrongSetting

VERSION = "3.3.6-dev0"
ROUND_TOKENS = 1024  # a longer answer is made in rounds of so many tokens, and only the first round is validated


@dataclass(frozen=True)
class Options:
    """What `headrace tgi` is told; the defaults suit the embedded 135M-parameter model."""

    model_id: str = "HuggingFaceTB/SmolLM2-135M-Instruct"
    max_concurrent_requests: int = 128
    max_best_of: int = 2
    max_stop_sequences: int = 4
    max_top_n_tokens: int = 5
    max_input_tokens: int = 1024
    max_total_tokens: int = 2048
    max_client_batch_size: int = 4
    validation_workers: int = 2
    payload_limit_bytes: int = 2_000_000
    api_key: str = ""
    cors_allow_origin: tuple[str, ...] = ()  # empty: everybody
    compute_type: str = "gpu+optimized"  # what TGI says whatever it runs on, unless it is told
    grammar_support: bool = True
    keep_alive_s: float = 15.0

    def check(self) -> None:
        """Refuse limits that contradict one another; raises WrongSetting."""
        if not 0 < self.max_input_tokens < self.max_total_tokens:
            raise WrongSetting(
                f"--max-input-tokens={self.max_input_tokens} must be less than "
                f"--max-total-tokens={self.max_total_tokens}, and more than 0"
            )
        for name in ("max_concurrent_requests", "max_best_of", "max_client_batch_size", "payload_limit_bytes"):
            if getattr(self, name) < 1:
                raise WrongSetting(f"--{name.removesuffix('_bytes').replace('_', '-')} must be at least 1")

    @property
    def fingerprint(self) -> str:
        """What the OpenAI-style routes call `system_fingerprint`."""
        return f"{VERSION}-native"

    def info(self) -> dict[str, object]:
        """The body of `/info`, keys in TGI's order."""
        return {
            "model_id": self.model_id,
            "model_sha": None,
            "model_pipeline_tag": None,
            "max_concurrent_requests": self.max_concurrent_requests,
            "max_best_of": self.max_best_of,
            "max_stop_sequences": self.max_stop_sequences,
            "max_input_tokens": self.max_input_tokens,
            "max_total_tokens": self.max_total_tokens,
            "validation_workers": self.validation_workers,
            "max_client_batch_size": self.max_client_batch_size,
            "router": "text-generation-router",
            "version": VERSION,
            "sha": "embedded",
            "docker_label": None,
        }
