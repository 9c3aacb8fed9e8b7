"""Pictures of what happens in a network: each function takes numbers and gives a matplotlib Figure."""
