"""The sections of a report, one a file, and layout (what they share)."""
