"""QuantumLayer Factory: from a brief in plain words to an application that is proven to run."""

__all__ = ["__version__"]

__version__ = "0.1.0"
