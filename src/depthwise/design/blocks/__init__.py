"""Block kinds, one file each: a frozen dataclass whose fields describe the block and which expands to Layers."""
