"""The report as one HTML page that needs no network: templates, one style sheet, one script."""
