"""Where jobs run. Every executor answers with `concurrent.futures.Future`, so nothing above knows which it is."""
