"""Published weights, a file for each family: `CHECKPOINTS = {name: Checkpoint}`, by the names of their libraries."""
