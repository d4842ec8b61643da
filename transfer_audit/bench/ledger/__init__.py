"""The ledger under load: killed, edited, grown, and timed beside bare commits."""
