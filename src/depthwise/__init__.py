"""Depthwise separable networks for small devices: designed, trained, compiled to C, verified and explained."""
