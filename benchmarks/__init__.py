"""Benchmarks of karl.recipe: ratios, measured side by side in one run.

``python -m benchmarks`` from the root of the checkout; see docs/benchmarks.md.
"""
