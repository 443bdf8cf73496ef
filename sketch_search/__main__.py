"""`python -m sketch_search`: the console command `sketch-search`."""

import sys

from sketch_search.commands.main import main

if __name__ == "__main__":
    sys.exit(main())
