"""The records on disk: measuring writes them, and judging reads them."""
