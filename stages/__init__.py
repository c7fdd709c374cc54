"""The seven stages and the rooms they share. See docs/architecture.md for the map."""
