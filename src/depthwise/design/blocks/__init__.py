"""Room: design/blocks."""
