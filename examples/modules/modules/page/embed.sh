#!/bin/sh
# Puts the style in front of the page.
set -eu
page=$(cat "$PAGE")
printf '<style>%s</style>\n%s\n' "$(cat "$STYLE")" "$page" >"$PAGE"
