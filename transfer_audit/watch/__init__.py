"""A pilot in the terminal: what is heard of it becomes a state, the state a frame of text."""
