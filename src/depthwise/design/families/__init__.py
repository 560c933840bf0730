"""Room: design/families."""
