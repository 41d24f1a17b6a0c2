"""Realistic sessions, each as its events and the snapshot they fold to: what both folds are held to."""
