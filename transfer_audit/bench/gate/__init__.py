"""The gate, measured: real forces replayed, attacked without end, timed."""
