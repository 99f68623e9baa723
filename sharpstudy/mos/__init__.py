"""A blind study of picture quality: its design, the page that people rate on, and what their ratings say."""
