"""What every other room stands on: errors, seeds, whole files, the types of settings, compiled loops, and dask clusters."""
