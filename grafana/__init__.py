"""Dashboards as code, and two weeks of data to look at them with. Only development needs this package."""
