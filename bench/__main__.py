"""`python -m bench`."""

import gc

from bench.cli import main

try:
    main(prog_name="python -m bench")
finally:
    gc.freeze()  # the process ends: looking for garbage would take a tenth of the time of a report
