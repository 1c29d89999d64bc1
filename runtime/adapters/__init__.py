"""One adapter a file, one library each: they return data or raise RuntimeFailure."""
