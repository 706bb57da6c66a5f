"""Alibaba Cloud, for every component that uses it: who asks (``access``), the API (``client``), what is made there."""
