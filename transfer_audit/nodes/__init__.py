"""Live: one thin file per executable. `convert` alone knows messages and core types; `node` what all nodes share."""
