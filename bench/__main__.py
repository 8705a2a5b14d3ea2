"""`python -m bench`."""

import gc

gc.set_threshold(50_000)  # imports make many objects that stay: looking at them again and again takes an eighth of them

from bench.cli import main  # noqa: E402 (the threshold is for this import)

try:
    main(prog_name="python -m bench")
finally:
    gc.freeze()  # the process ends: looking for garbage would take a tenth of the time of a report
