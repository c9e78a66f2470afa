"""Trains the injection detector: `make train-injection`. Its sources and its result are described in MODEL_CARD.md."""
