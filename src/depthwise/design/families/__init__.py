"""The families, one file each: `MODELS = {name: Architecture}` at width 1 and the resolution of the paper."""
