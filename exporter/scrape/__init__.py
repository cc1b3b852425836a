"""One scrape, from its deadline to its result."""
