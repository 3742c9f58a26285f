"""What lies on disk: the boundary between measuring, which writes it, and judging, which reads it."""
