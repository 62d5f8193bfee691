"""Before anything is installed: is this Python new enough, can it make environments, is there room?

    python tools/preflight.py FOLDER GIGABYTES

Plain enough for any Python 3 to read, or an old one could not say that it is too old.
"""

import glob
import os
import shutil
import sys


def main(folder, needed_gb):
    """The reason not to go on, or None."""
    if sys.version_info < (3, 11):
        have = "%d.%d (%s)" % (sys.version_info[0], sys.version_info[1], sys.executable)
        return "This is Python %s; 3.11 or later is needed: make lab PYTHON=/path/to/python3.11" % have
    try:
        import ensurepip
        import venv
    except ImportError:
        return "%s cannot make environments. Debian, Ubuntu: apt-get install python3-venv" % sys.executable
    del ensurepip, venv
    if glob.glob(os.path.join(folder, ".installed-*")):
        return None  # an upgrade in place needs little more than is there
    free_gb = shutil.disk_usage(".").free / 2**30
    if free_gb < needed_gb:
        have = (free_gb, needed_gb)
        return "%.1f GB are free here; the installation takes about %g GB. Use a larger disk." % have
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2])))
