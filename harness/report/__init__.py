"""How findings are shown: the page, its charts, summary.json and the terminal's tables. Nothing is judged here."""
