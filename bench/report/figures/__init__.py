"""The figures of a report, one kind a file; axes and svg are what they share."""
