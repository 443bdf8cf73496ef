"""Whether the service is about to stop: it still answers, but tells load balancers and clients to go elsewhere."""


class Drain:
    """Shared by what asks for the stop, the readiness probe and the answers. Once begun it does not end."""

    def __init__(self) -> None:
        self._begun = False

    @property
    def begun(self) -> bool:
        """Whether readiness is red and connections are closed after their answer."""
        return self._begun

    def begin(self) -> None:
        """Starts to drain."""
        self._begun = True
