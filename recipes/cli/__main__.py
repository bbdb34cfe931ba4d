"""``python -m recipes.cli``: the command ``klue`` where it is not on the path."""

from recipes.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
