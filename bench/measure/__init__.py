"""Measurements: time, memory, energy, floating-point operations, gradient flow, and the environment."""
