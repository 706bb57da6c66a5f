source "null" "web" {
  communicator = "none"
}

build {
  sources = ["source.null.web"]

  provisioner "shell-local" {
    inline = [<<-SCRIPT
      echo one
      echo two
    SCRIPTS
    ]
  }

  provisioner "shell-local" {
    inlin = ["true"]
  }
}
