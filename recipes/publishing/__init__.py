"""Publishing on the Hub: selection of files, and uploads."""
