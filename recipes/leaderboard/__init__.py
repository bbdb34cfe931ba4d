"""A leaderboard made from records of results, as a static site."""
