source "null" "web" { communicator = "none", ssh_host = "a" }

source "null" "db" { communicator = "none" ssh_host = "a" }

build { sources = ["source.null.web"] provisioner "shell-local" { inline = ["true"] } }
