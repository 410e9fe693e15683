"""Many runs that belong together: a search for good settings, or the same settings with several seeds."""
