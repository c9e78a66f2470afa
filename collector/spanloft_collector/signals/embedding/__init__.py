"""Embeddings: one protocol, a light onnxruntime route, and sentence-transformers for any other model."""
