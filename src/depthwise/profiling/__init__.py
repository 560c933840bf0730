"""Room: profiling."""
