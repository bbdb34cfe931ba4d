"""Machine reading comprehension."""
