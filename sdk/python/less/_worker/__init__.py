"""The worker: the process that runs a project's Python handlers. Reading order: main, invocations, connection."""
