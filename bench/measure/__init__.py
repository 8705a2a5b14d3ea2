"""Measuring: time, memory, floating-point work, and the machine that they were measured on."""
