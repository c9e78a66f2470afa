"""OTLP receivers: the only code that knows the transport."""
