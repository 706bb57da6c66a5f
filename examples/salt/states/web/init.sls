nginx:
  pkg.installed: []

/var/www/html/index.html:
  file.managed:
    - contents: made for {{ pillar['site'] }}
    - require:
        - pkg: nginx
