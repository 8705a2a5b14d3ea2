"""What a run shows: observing (which display suits the stream), progress, live, epochs, refresh, result."""
