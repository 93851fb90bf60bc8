"""Frozen package indexes, sealed release trees and an atomic switch."""

__version__ = "1.0.0"
