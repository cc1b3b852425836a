"""Lets ``python -m grafana.demo_data`` end without a traceback on Ctrl+C while it imports."""

import sys

try:
    from grafana.demo_data.command import main

    main()
except KeyboardInterrupt:
    sys.exit("interrupted: nothing was written")
