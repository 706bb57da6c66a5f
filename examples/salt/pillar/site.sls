site: example.org
