"""Development tools: what `./run.sh` and `./test.sh` run. Production never imports them.

Modules that run before any package is installed (`stack`, `checks.testing` and what they import)
use the standard library only.
"""
