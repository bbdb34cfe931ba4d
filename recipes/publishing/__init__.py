"""Publishing on the Hub: what may be published, and the uploads."""
