"""What the contenders compute with torch, a family a file; their entries lie one folder up and import no torch."""
