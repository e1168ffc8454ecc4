"""What `./run.sh` and `./test.sh` start on one machine; production never imports it.

The modules that run before any package is installed (`stack`, `testing` and what they import)
keep to the standard library.
"""
