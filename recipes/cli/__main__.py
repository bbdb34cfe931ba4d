"""The command ``klue`` as ``python -m recipes.cli``, if it is not on the path."""

from recipes.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
