source "null" "web" {
  communicator = "none"
}

build {
  sources = ["source.null.web"]

  provisioner "shell-local" {
    inline = [
      <<-EOT
      for f in *.deb; do
        echo ${f%.deb}
        echo ${HOME}/${f}
      done
      EOT
    ]
  }
}
