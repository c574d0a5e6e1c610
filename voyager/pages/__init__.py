"""What every report is drawn with: a page that holds all it needs, its style sheet, its charts, numbers for people."""
