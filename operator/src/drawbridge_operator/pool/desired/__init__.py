"""What a pool becomes: one pure make_<kind> a file, equal input gives equal bytes."""
