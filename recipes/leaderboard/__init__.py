"""A leaderboard of result records, as a static site."""
