"""The page at ``/``: what the last scrape saw, for a person.

The modules decide what the page says and in which order. ``page.html`` lays it out. Nothing here is imported
before the first visit.
"""
