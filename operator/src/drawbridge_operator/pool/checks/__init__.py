"""What is true of a pool: one file a condition, pure and total over PoolFacts."""
