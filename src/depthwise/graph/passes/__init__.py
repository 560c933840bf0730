"""Room: graph/passes."""
