"""Real libraries with the one line ``spanloft.instrument()``, call by call against the provider's own ledger.

``scripts/matrix.py`` runs it and writes ``docs/matrix.md``. A further library is a row in ``catalog.py`` and an app
in ``apps/``; a provider it speaks to is a file in ``tests/fake_provider/providers/``.
"""
