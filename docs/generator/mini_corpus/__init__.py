"""Mini corpus: small synthetic files in the official KLUE v1.1 layout, for tests and offline demonstrations.

Every sentence is made from templates and word lists written for this project; nothing is copied from KLUE.
`python -m docs.generator.mini_corpus.generate` writes the files, `--check` compares them with those on disk.
"""
