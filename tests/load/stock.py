"""A stock nameko service with an empty method, the measure for Portico's entrypoint. `nameko run tests.load.stock`."""

from nameko.rpc import rpc


class StockService:
    """Nothing but nameko."""

    name = "stock"

    @rpc
    def do_nothing(self) -> dict:
        """Do nothing."""
        return {}
