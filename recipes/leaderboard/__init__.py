"""A leaderboard made from records of results: who ranks where, as a static site."""
