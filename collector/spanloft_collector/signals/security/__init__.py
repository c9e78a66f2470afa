"""Security signals: attacks on an app's instructions, what they achieved, and secrets that leave."""
