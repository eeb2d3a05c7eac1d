"""Settings of a run: the configuration, its TOML file, a note on each, and what the parameters of estimators stand for."""
