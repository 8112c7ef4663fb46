"""Whether a model server that can be reached is fit to be asked: pure."""

from collections.abc import Mapping

from stream_workers.inference.trouble import Kind

OPEN_AT = 5.0
WEIGHTS: Mapping[Kind, float] = {"cut": 1.0, "garbled": 1.0, "denied": 1.0, "failed": 0.25}
"""What trouble says of the server. Of a model's own error (`failed`) the prompt is to blame more often; being `busy` is
no fault, a refusal is the prompt's, and who cannot be reached at all is seen to elsewhere (`reach`)."""


class Breaker:
    """After so much trouble in a row the server is left alone for a while, and then given one prompt, on trial."""

    def __init__(self) -> None:
        self._weight = 0.0
        self.on_trial = False
        """Whether one answer must come before it is given more than a prompt at a time."""

    def answered(self) -> None:
        """It has answered: all is well."""
        self._weight, self.on_trial = 0.0, False

    def troubled(self, kind: Kind) -> bool:
        """It has not; whether it is to be left alone for a while now."""
        weight = WEIGHTS.get(kind, 0.0)
        self._weight += weight
        if not weight or not (self.on_trial or self._weight >= OPEN_AT):
            return False
        self._weight, self.on_trial = 0.0, True
        return True
