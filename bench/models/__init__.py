"""Models: recurrent cells with a linear head. Importing this package imports neither torch nor a cell."""
