"""One module per HTTP client: ``patch(module, watcher)`` wraps its one way out and returns what undoes it."""
