"""Drives the real PyKMIP client (Debian python3-pykmip 0.10) through the life of keys at one protocol version.

Role: the foreign half of pykmip.test.ts. Prints one JSON object a line, {"check", "ok", "detail"}: the test makes a
named subtest of each. Arguments: host port ca cert key version.
"""
import sys

import session
import life_cycle  # noqa: F401 (registers its checks)
import ciphers  # noqa: F401 (registers its checks)

sys.exit(0 if session.run_all() else 1)
