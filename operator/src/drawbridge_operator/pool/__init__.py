"""From an InferencePool to its children and its status: gather, desired, plan, apply, status."""
