"""From float networks to networks of 8 bits: ranges, the repair ladder, and the rounding itself."""
